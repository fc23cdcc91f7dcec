/**
 * Three records of the same calls: what clients received, what upstreams did, what the log says. Each is kept by
 * itself, and they meet only here, by request id.
 */
import { tokenPrice } from '../support/chat.ts'
import type { LogEvent } from '../support/log.ts'
import type { CallKind } from './calls.ts'
import type { Execution } from './upstream.ts'

/** A call as its client saw it. */
export interface ClientCall {
  readonly id: string
  /** Its name in the body, which is the same in every try of one call; its id, where it is tried once. */
  readonly callId: string
  /** It named an Idempotency-Key. */
  readonly isNamed: boolean
  readonly kind: CallKind
  readonly gateway: string
  readonly keyId: string
  readonly accountId: string
  /** Its account has the narrow rate limit. */
  readonly isNarrow: boolean
  readonly sentAtMs: number
  endedAtMs: number | undefined
  /** undefined: none arrived, not even its head. */
  status: number | undefined
  requestId: string | undefined
  /** The charge that the response's head states; undefined when it states none. */
  charged: number | undefined
  /** A refusal's. */
  code: string | undefined
  /** The gateway decided by its local rate limit, and said so. */
  degraded: boolean
  /** The client left before its end. */
  left: boolean
  /** The client stopped reading for a while. */
  stalled: boolean
  /** The response arrived to its end. */
  whole: boolean
  /** The response was replayed. */
  replayed: boolean
  /** The credits that the arrived part of a metered response is worth. */
  arrived: number
  /** A hash of a whole 2xx response's body. */
  response: string | undefined
  /** The credits that a whole 2xx response is worth; undefined for what costs nothing. */
  worth: number | undefined
}

/** A call as the log has it. */
export interface LoggedCall {
  holds: number
  /** With all that the hold has grown by. */
  heldCredits: number
  settles: number
  settledCredits: number
  /** Released or expired. */
  freed: number
  /** How its last hold ended: for who reads a finding. */
  end: string
  /** The Idempotency-Key, as the ledger has it. */
  claim: string | undefined
  /** Of a lease, which is no call: the key whose calls ran on it. */
  leaseKey: string | undefined
  /** It ran on a lease, which the follower of the log has found to be open. */
  onLease: boolean
}

export type Invariant =
  | 'I1'
  | 'I2'
  | 'I3'
  | 'I4'
  | 'I5'
  | 'I6'
  | 'I7'
  | 'I8'
  | 'I9'
  | 'I10'
  | 'I11'
  | 'I12'
  | 'I13'

/** What each invariant says, in the order of its number. */
export const invariants: Readonly<Record<Invariant, string>> = {
  I1: 'every 2xx that arrived whole has exactly one settled hold, of the right amount, and no response states another charge than the log',
  I2: 'nothing is settled, and nothing runs, without the other and a hold before it; all that ran ends settled, released or expired',
  I3: 'no account, lot or cap is below zero at any prefix of the log, and every decision in it is the right one',
  I4: 'positions are contiguous, and every row of every projection is what an independent fold of the log gives',
  I5: 'no hold is open longer than a few seconds after its deadline',
  I6: 'a rate limit permits N calls in its span and no more, 2N in a span that covers the loss of Redis',
  I7: 'no refusal is older than a second',
  I8: 'afterwards every gateway serves again, unaided',
  I9: 'a call tried again under its Idempotency-Key runs once, is charged once, and has one response',
  I10: 'a charge of a killed gateway, whose response did not arrive, is not shown as sent',
  I11: 'of a response that is paid along the way, nothing arrives that was not held before',
  I12: 'of a response that is paid along the way, what arrives is charged, but for one step at most',
  I13: 'what a customer got back as undelivered does not arrive after that, nor before unless its gateway was fenced',
}

export interface Finding {
  readonly invariant: Invariant
  readonly what: string
}

export const nothingLogged: LoggedCall = {
  ...{ holds: 0, heldCredits: 0, settles: 0, settledCredits: 0, freed: 0 },
  ...{ end: 'open', claim: undefined, leaseKey: undefined, onLease: false },
}

/** Adds a part of the log to what is known of its calls. */
export function addToRecord(calls: Map<string, LoggedCall>, log: readonly LogEvent[]): void {
  for (const { type, request_id, slots, credits, key_id, payload, status } of log) {
    if (request_id === null) continue
    const call = calls.get(request_id) ?? { ...nothingLogged }
    if (slots !== null) call.leaseKey = key_id ?? undefined
    if (payload.lease) {
      call.onLease = true
      call.holds++
      call.heldCredits += credits
    }
    if (type === 'CreditsHeld' || type === 'HoldExtended') call.heldCredits += credits
    if (type === 'CreditsHeld') {
      call.holds++
      if (payload.claim) call.claim = `${key_id} ${payload.claim}`
    }
    if (type === 'HoldReleased' || type === 'HoldExpired') {
      call.freed++
      call.end = `${type} ${payload.reason ?? ''} ${status ?? ''}`.trim()
    }
    if (type === 'HoldSettled') {
      call.settles++
      call.settledCredits += credits
      call.end = type
    }
    calls.set(request_id, call)
  }
}

/** I1, by the clients' record. */
export function* chargedOnce(
  calls: readonly ClientCall[],
  logged: ReadonlyMap<string, LoggedCall>,
): Generator<Finding> {
  for (const call of calls) {
    const finding = (what: string): Finding => ({
      invariant: 'I1',
      what: `${call.id} ${call.requestId} (${call.kind.name}, ${call.status} by ${call.gateway}): ${what}`,
    })
    const log = logged.get(call.requestId ?? '') ?? nothingLogged
    // What is given again was charged under another request: see ranOnce.
    if (call.worth !== undefined && !(call.replayed && call.charged === 0)) {
      if (call.requestId === undefined) yield finding('the response names no request')
      const right = call.worth > 0 ? log.settles === 1 : log.settles <= 1
      if (!right || log.settledCredits !== call.worth) {
        yield finding(
          `worth ${call.worth}, and settled ${log.settles} times, ${log.settledCredits}`,
        )
      }
    }
    if (call.whole && call.charged !== undefined && call.charged !== log.settledCredits) {
      yield finding(`the response says ${call.charged} credits, the log ${log.settledCredits}`)
    }
  }
}

/** I11, by the clients' record. */
export function* heldBefore(
  calls: readonly ClientCall[],
  logged: ReadonlyMap<string, LoggedCall>,
): Generator<Finding> {
  for (const { id, requestId, arrived, replayed } of calls) {
    const { heldCredits } = logged.get(requestId ?? '') ?? nothingLogged
    if (replayed || arrived <= heldCredits) continue
    yield { invariant: 'I11', what: `${id} ${requestId}: ${arrived} arrived, ${heldCredits} held` }
  }
}

/** I12, by the clients' record. What a gateway that is stopped cuts off costs nothing. */
export function* chargedAsSent(
  calls: readonly ClientCall[],
  logged: ReadonlyMap<string, LoggedCall>,
): Generator<Finding> {
  for (const { id, requestId, arrived, replayed } of calls) {
    const { settledCredits, end } = logged.get(requestId ?? '') ?? nothingLogged
    const isPaid = arrived <= settledCredits + tokenPrice.hold.step
    if (replayed || isPaid || end.includes('gateway_stopped')) continue
    const what = `${id} ${requestId}: ${arrived} arrived, ${settledCredits} charged (${end})`
    yield { invariant: 'I12', what }
  }
}

/**
 * I2, by the upstreams' record. `all` has the executions of every call so far, because the log may have settled a call
 * without an execution. A call that ran on a lease and got no response has no end of its own in the log: the end of
 * its lease stands for it.
 */
export function* ranAsHeld(
  calls: readonly ClientCall[],
  executions: readonly Execution[],
  all: readonly Execution[],
  logged: ReadonlyMap<string, LoggedCall>,
): Generator<Finding> {
  const finding = (id: string, what: string): Finding => ({
    invariant: 'I2',
    what: `${id}: ${what}`,
  })
  const onLeaseFor = new Set([...logged.values()].map(({ leaseKey }) => leaseKey))
  const withoutResponse = new Set(
    calls
      .filter(({ keyId, isNamed, worth }) => onLeaseFor.has(keyId) && !isNamed && !worth)
      .map(({ callId }) => callId),
  )
  for (const { requestId, callId, path } of executions) {
    if (freePaths.has(path)) continue
    if (!logged.has(requestId) && withoutResponse.has(callId ?? '')) continue
    const log = logged.get(requestId) ?? nothingLogged
    if (log.holds !== 1) yield finding(requestId, `it ran on ${log.holds} holds`)
    if (log.settles + log.freed !== 1) {
      yield finding(requestId, `it ran, and ended ${log.settles} times settled, ${log.freed} freed`)
    }
  }
  const ran = Map.groupBy(all, ({ requestId }) => requestId)
  const claimsThatRan = new Set([...ran.keys()].map((id) => logged.get(id)?.claim))
  for (const [id, { holds, settles, freed, claim }] of logged) {
    const times = ran.get(id)?.length ?? 0
    const ranBefore = claim !== undefined && claimsThatRan.has(claim)
    if (settles > 0 && times === 0 && !ranBefore) yield finding(id, 'it was settled and never ran')
    if (times > 1) yield finding(id, `it ran ${times} times`)
    if (settles + freed !== holds)
      yield finding(id, `${holds} holds ended ${settles + freed} times`)
  }
}

/** I9, by all three records: all tries of a call that named an Idempotency-Key together. */
export function* ranOnce(
  calls: readonly ClientCall[],
  executions: readonly Execution[],
  logged: ReadonlyMap<string, LoggedCall>,
): Generator<Finding> {
  const settled = new Map<string, { times: number; credits: number }>()
  for (const { claim, settles, settledCredits } of logged.values()) {
    if (claim === undefined) continue
    const { times, credits } = settled.get(claim) ?? { times: 0, credits: 0 }
    settled.set(claim, { times: times + settles, credits: credits + settledCredits })
  }
  const ran = Map.groupBy(executions, ({ callId }) => callId)
  const named = calls.filter(({ isNamed }) => isNamed)
  for (const [callId, tries] of Map.groupBy(named, (call) => call.callId)) {
    const finding = (what: string): Finding => ({ invariant: 'I9', what: `${callId}: ${what}` })
    const worked = (ran.get(callId) ?? []).filter(({ outcome }) => outcome !== 'refused')
    if (worked.length > 1) {
      const how = worked.map(
        ({ requestId, path, outcome }) =>
          `${requestId} ${path}: ${outcome}, ${logged.get(requestId)?.end ?? 'not logged'}`,
      )
      yield finding(`it ran ${worked.length} times (${how.join('; ')})`)
    }
    const claim = worked.map(({ requestId }) => logged.get(requestId)?.claim).find(Boolean)
    const charged = (claim && settled.get(claim)) || { times: 0, credits: 0 }
    if (charged.times > 1) yield finding(`it was charged ${charged.times} times`)
    const responses = tries.filter(({ response }) => response !== undefined)
    if (new Set(responses.map(({ response }) => response)).size > 1)
      yield finding('its responses differ')
    for (const { worth } of responses) {
      if (worth === undefined || worth === charged.credits) continue
      yield finding(`worth ${worth}, and charged ${charged.credits}`)
    }
  }
}

const freePaths = new Set(['/api/v1/search/engines', '/models', '/voices'])
