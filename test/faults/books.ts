/**
 * Three books of the same calls: what callers received, what services did, what the log says. Each is kept by
 * itself, and they meet only here, by request id.
 */
import type { LogEvent } from '../support/log.ts'
import type { CallKind } from './calls.ts'
import type { Execution } from './upstream.ts'

/** A call as its caller saw it. */
export interface ClientCall {
  readonly id: string
  readonly kind: CallKind
  readonly gateway: string
  readonly keyId: string
  readonly accountId: string
  /** Its account's window is a narrow one. */
  readonly isNarrow: boolean
  readonly sentAtMs: number
  endedAtMs: number | undefined
  /** undefined: none arrived, not even its head. */
  status: number | undefined
  requestId: string | undefined
  /** As the answer's head says; undefined when it does not. */
  charged: number | undefined
  /** A refusal's. */
  code: string | undefined
  /** A gateway decided alone, by its share of the limit, and said so. */
  degraded: boolean
  /** The caller left before its end. */
  left: boolean
  /** The answer arrived to its end. */
  whole: boolean
  /** Credits, by what was received; of a whole 2xx answer to what costs something only. */
  worth: number | undefined
}

/** A call as the log has it. */
export interface LoggedCall {
  holds: number
  settles: number
  settledCredits: number
  /** Released or expired. */
  freed: number
}

export type Invariant = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8'

/** What each invariant says, in the order of its number. */
export const invariants: Readonly<Record<Invariant, string>> = {
  I1: 'every 2xx that arrived whole has exactly one settled hold, of the right amount, and no answer states another charge than the log',
  I2: 'nothing is settled, and nothing runs, without the other and a hold before it; all that ran ends settled, released or expired',
  I3: 'no account, lot or cap is below zero at any prefix of the log, and every decision in it is the right one',
  I4: 'positions are contiguous, and every row of every projection is what an independent fold of the log gives',
  I5: 'no hold is open longer than a few seconds after its deadline',
  I6: 'a window lets N calls pass and no more, 2N where it spans the loss of Redis',
  I7: 'no refusal is older than a second',
  I8: 'afterwards every gateway serves again, unaided',
}

export interface Finding {
  readonly invariant: Invariant
  readonly what: string
}

export const nothingLogged: LoggedCall = { holds: 0, settles: 0, settledCredits: 0, freed: 0 }

/** Adds a part of the log to what is known of its calls. */
export function enter(calls: Map<string, LoggedCall>, log: readonly LogEvent[]): void {
  for (const { type, request_id, credits } of log) {
    if (request_id === null) continue
    const call = calls.get(request_id) ?? { ...nothingLogged }
    if (type === 'CreditsHeld') call.holds++
    if (type === 'HoldReleased' || type === 'HoldExpired') call.freed++
    if (type === 'HoldSettled') {
      call.settles++
      call.settledCredits += credits
    }
    calls.set(request_id, call)
  }
}

/** I1, by the callers' book. */
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
    if (call.worth !== undefined) {
      if (call.requestId === undefined) yield finding('the answer names no request')
      const right = call.worth > 0 ? log.settles === 1 : log.settles <= 1
      if (!right || log.settledCredits !== call.worth) {
        yield finding(
          `worth ${call.worth}, and settled ${log.settles} times, ${log.settledCredits}`,
        )
      }
    }
    if (call.whole && call.charged !== undefined && call.charged !== log.settledCredits) {
      yield finding(`the answer says ${call.charged} credits, the log ${log.settledCredits}`)
    }
  }
}

/** I2, by the services' book; `all`: of every call so far, for what the log settled without it. */
export function* ranAsHeld(
  executions: readonly Execution[],
  all: readonly Execution[],
  logged: ReadonlyMap<string, LoggedCall>,
): Generator<Finding> {
  const finding = (id: string, what: string): Finding => ({
    invariant: 'I2',
    what: `${id}: ${what}`,
  })
  for (const { requestId, path } of executions) {
    if (freePaths.has(path)) continue
    const log = logged.get(requestId) ?? nothingLogged
    if (log.holds !== 1) yield finding(requestId, `it ran on ${log.holds} holds`)
    if (log.settles + log.freed !== 1) {
      yield finding(requestId, `it ran, and ended ${log.settles} times settled, ${log.freed} freed`)
    }
  }
  const ran = Map.groupBy(all, ({ requestId }) => requestId)
  for (const [id, { holds, settles, freed }] of logged) {
    const times = ran.get(id)?.length ?? 0
    if (settles > 0 && times === 0) yield finding(id, 'it was settled and never ran')
    if (times > 1) yield finding(id, `it ran ${times} times`)
    if (settles + freed !== holds)
      yield finding(id, `${holds} holds ended ${settles + freed} times`)
  }
}

const freePaths = new Set(['/api/v1/search/engines', '/models', '/voices'])
