/**
 * A priced call, once it holds credits: forward, meter, settle, respond. Every way out of here ends the
 * hold: settled when the service did its work, released when it did not. Should the ledger be away, the
 * hold expires by itself, uncharged, and the answer is not sent.
 *
 * A call that runs on a standing hold is bought at its end. Where the ledger does not sell it so, since the key or its
 * price are not what they were, it is decided again as any call: by a hold of its own, and refused where that is. An
 * answer too long to be held back whole is decided so before its head leaves, which says what it is charged.
 *
 * A call that is metered along the way has a hold that grows, and a 2xx answer that is relayed by
 * metered-answer.ts, unless it is JSON that says its tokens.
 */
import type { Config } from '../../config/config.ts'
import type { Held, Outcome, Replay, SeenWindow } from '../../gate/gate.ts'
import { type GrowingHold, growingHold } from '../../gate/reservation/growing-hold.ts'
import {
  NotBought,
  type OpenHold,
  release,
  SettlementRefused,
  settle,
  type Used,
} from '../../gate/reservation/settlement.ts'
import type { Appender } from '../../ledger/append/appender.ts'
import { type AppendResult, LedgerUnavailable } from '../../ledger/append/call-commands.ts'
import type { StoredResponses } from '../../ledger/idempotency/stored-responses.ts'
import {
  credits,
  isChargeable,
  readsResponse,
  settleQuantity,
} from '../../pricing/price-arithmetic.ts'
import { isMetered, type MeteredPrice } from '../../pricing/price-rule.ts'
import { reportedTokens } from '../../pricing/rules/per-token.ts'
import type { Refusal } from '../../problems/refusal.ts'
import type { CallBody } from '../request/request-body.ts'
import { forClient } from '../upstream/crossing-headers.ts'
import { type Forwarded, type ForwardFailure, failureOf } from '../upstream/forward.ts'
import { isPlain, isRelayed, meteredAnswer, upTo } from './metered-response.ts'
import { ownerOf } from './replayed-call.ts'
import {
  type Answered,
  type Call,
  callHeaders,
  chargeUnknown,
  heldNoLonger,
  ledgerUnavailable,
  moneyHeaders,
  refused,
  setAll,
  upstreamRefusal,
} from './responses.ts'
import { readBeginning, type Start, withholdTail } from './withhold-tail.ts'

export interface PricedCallDeps {
  readonly config: Config
  readonly appender: Appender
  /** Adds to the hold. */
  readonly extend: (
    held: Held,
    by: { readonly credits: number; readonly quantity: number },
  ) => Promise<Outcome<Held>>
  /** A hold of its own for a call that ran on a standing one, as the key and its price now are. */
  readonly takeDedicatedHold: (held: Held) => Promise<Outcome<Held | Replay>>
  readonly storedResponses: StoredResponses
  /** Sends the call to its service. `plain`: the answer will be read. */
  readonly send: (plain: boolean) => Promise<Forwarded>
  /** Called when the hold was settled, with how long it had been held. */
  readonly settled: ((heldMs: number) => void) | undefined
  /** Whether the gateway is ending what still is under way. */
  readonly isCutOff: () => boolean
  readonly log: (message: string, error?: unknown) => void
}

/** An answer that has to be read, to be priced or because it is a refusal, may be this large. */
const maxReadBytes = 16 * 1024 * 1024

export async function pricedCall(
  call: Call,
  first: Held,
  body: CallBody,
  window: SeenWindow,
  deps: PricedCallDeps,
): Promise<Answered> {
  const { route } = call
  const { appender, log } = deps
  let held = first
  let hold: OpenHold = { ...held, ...call, endpoint: route.id }
  const metered = isMeteredByAnswer()
  const heldAtMs = performance.now()
  const growing = isMetered(held.price) ? grow(held.price) : undefined

  try {
    const forwarded = await deps.send(metered)
    const answered = forwarded.ok
      ? await answer(forwarded.response)
      : await fail(forwarded.failure, forwarded.status)
    if (answered.relayed) void answered.relayed.then(end)
    else end()
    return answered
  } catch (error) {
    // Whatever it was: the hold must not stay open for it.
    void release(appender, hold, 'gateway_failed')
    end()
    throw error
  }

  function end(): void {
    growing?.end()
    first.place?.leave()
  }

  /** Asked anew where it matters: a call that ran on a standing hold can end up with a hold at another price. */
  function isMeteredByAnswer(): boolean {
    return readsResponse({ ...route, price: held.price })
  }

  function grow(price: MeteredPrice): GrowingHold {
    const seconds = deps.config.limits.holdSeconds
    const { extend } = deps
    return growingHold(held, { price, seconds, askedAtMs: call.startedAtMs, extend, log })
  }

  async function answer(response: Response): Promise<Answered> {
    if (growing && response.ok && isRelayed(response, growing.price)) {
      if (!isPlain(response, growing.price)) return fail('upstream_failed', response.status)
      return meteredAnswer(response, {
        ...{ requestId: call.requestId, request: body.facts, headers: headersFor(response) },
        ...{
          hold: growing,
          settle: (used, terminatedBy) =>
            settleHold({
              ...upTo(growing, used),
              status: response.status,
              alreadyDelivered: true,
              ...(terminatedBy && { terminatedBy }),
            }),
        },
        release: (reason) => release(appender, hold, reason, response.status),
        ...{ held: held.answer, isCutOff: deps.isCutOff, log },
      })
    }
    const relays = response.ok && !metered
    const headAtMs = performance.now()
    let start: Start
    try {
      start = await readBeginning(
        response,
        relays ? deps.config.limits.maxBufferedBytes : maxReadBytes,
      )
    } catch (error) {
      return fail(failureOf(error), response.status)
    } finally {
      call.upstreamMs += performance.now() - headAtMs
    }
    if (start.kind === 'longer') {
      const refusal = relays && held.place?.standing ? await convertToDedicatedHold() : undefined
      if (refusal) {
        start.rest.cancel().catch(() => {})
        return rejectAfterUpstream(refusal)
      }
      if (relays && !isMeteredByAnswer()) return stream(response, start)
      log(`${route.id}: the answer is too large to be read`)
      start.rest.cancel().catch(() => {})
      return fail('upstream_failed', response.status)
    }
    return response.ok
      ? charge(response, start.bytes)
      : free(response, start.bytes, 'refused_by_upstream')
  }

  /** The service failed: nothing of its answer reaches the client, who is not charged. */
  async function fail(failure: ForwardFailure, status?: number): Promise<Answered> {
    const released = await release(appender, hold, failure, status)
    const headers = moneyHeaders(0, held.answer, released)
    return refused(call, upstreamRefusal(failure), window, headers)
  }

  /** An answer that is the client's to read and not to be paid. */
  async function free(response: Response, bytes: Uint8Array, reason: string): Promise<Answered> {
    const released = await release(appender, hold, reason, response.status)
    const headers = headersFor(response)
    setAll(headers, moneyHeaders(0, held.answer, released))
    if (!response.ok) headers.set('X-Error-Source', 'upstream')
    return whole(response, bytes, headers)
  }

  /** A whole answer: metered, settled, and then sent with the settlement in its head. */
  async function charge(response: Response, bytes: Uint8Array): Promise<Answered> {
    let json: unknown
    if (isMeteredByAnswer()) {
      try {
        json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
      } catch {
        return fail('upstream_failed', response.status)
      }
    }
    if (!isChargeable(route, { json })) return free(response, bytes, 'not_successful')
    if (deps.isCutOff()) return free(response, bytes, 'gateway_stopped')
    // Whatever can fail has to fail before the charge is written.
    const used = await usedBy(response, json)
    const headers = headersFor(response)
    let settled: AppendResult
    try {
      await store(response, bytes, used.quantity)
      settled = await settleHold(used)
    } catch (error) {
      if (error instanceof NotBought) {
        const refusal = await takeDedicatedHold(error.verdict === 'insufficient_credits')
        return refusal ? rejectAfterUpstream(refusal) : charge(response, bytes)
      }
      if (error instanceof SettlementRefused && error.verdict === 'hold_not_open') {
        log(`${route.id} ${call.requestId}: its hold expired before it was settled`)
        return refused(call, heldNoLonger, window, moneyHeaders(0, held.answer, undefined))
      }
      if (!(error instanceof LedgerUnavailable)) throw error
      log(`${route.id} ${call.requestId}: the charge may not be written`, error)
      // If it is not, this frees the hold; if it is, this changes nothing. A call that ran on a standing hold has
      // nothing to be freed.
      if (!held.place?.standing) void release(appender, hold, 'settlement_failed', response.status)
      return chargeUnknown(call, window)
    }
    setAll(headers, moneyHeaders(used.credits, held.answer, settled))
    return whole(response, bytes, headers)
  }

  /** A hold of its own, out of the standing one only where nothing else is left. */
  async function convertToDedicatedHold(): Promise<Refusal | undefined> {
    const refusal = await takeDedicatedHold(false)
    const isShort =
      refusal?.code === 'insufficient_credits' || refusal?.code === 'concurrency_exceeded'
    return isShort ? takeDedicatedHold(true) : refusal
  }

  /** From now on the call has a hold of its own, or one `outOf` the standing hold; answers why it cannot have one. */
  async function takeDedicatedHold(outOf: boolean): Promise<Refusal | undefined> {
    const ask = () => deps.takeDedicatedHold(held)
    const own = await asked(outOf ? held.place?.standing?.splitLease(ask) : ask())
    if (!own) throw new TypeError('the call runs on no standing hold')
    if (!own.ok) return own.refusal
    if ('replay' in own) throw new TypeError('a call without an Idempotency-Key replays nothing')
    first.place?.leave()
    held = own
    hold = { ...own, ...call, endpoint: route.id }
    return undefined
  }

  /**
   * The service answered a call that may not be sold any more: its answer is not given. A hold that the ledger grants
   * too late is freed by the appender, which says what became of the call; it is not to be said twice.
   */
  async function rejectAfterUpstream(refusal: Refusal): Promise<Answered> {
    if (refusal !== ledgerUnavailable) await release(appender, hold, 'rejected_after_upstream')
    return refused(call, refusal, window)
  }

  /** What the ledger says of a hold; that it does not answer is a refusal like another. */
  async function asked<T>(own: Promise<T> | undefined) {
    try {
      return await own
    } catch (error) {
      if (!(error instanceof LedgerUnavailable)) throw error
      log(`${route.id} ${call.requestId}: the ledger did not answer for a hold of its own`, error)
      return { ok: false as const, refusal: ledgerUnavailable }
    }
  }

  /**
   * Keeps an answer for the retries of a call that named an Idempotency-Key, before it is charged: a charge
   * without its answer could never be answered again. Larger ones than are held back whole are not kept.
   */
  async function store(response: Response, body: Uint8Array, quantity: number): Promise<void> {
    if (!held.claim || body.length > deps.config.limits.maxBufferedBytes) return
    const { requestId } = call
    const headers = [...forClient(response.headers)]
    const answer = { status: response.status, headers, body }
    await deps.storedResponses.store(
      ownerOf(held.key, held.claim.key),
      { requestId, quantity },
      answer,
    )
  }

  /**
   * A long answer. The request fixed its price, so the charge is known before its end: the head carries
   * it, with the hold's position, and the last piece waits for the settlement.
   */
  function stream(response: Response, longer: Extract<Start, { kind: 'longer' }>): Answered {
    const { promise: relayed, resolve: end } = Promise.withResolvers<void>()
    const used = fixedBy(response, undefined)
    const bodyForClient = withholdTail(longer, {
      async atEnd() {
        await settleHold(used)
        end()
      },
      async atFailure(error, unreadMs) {
        // The time that the service had was mostly the client's, who had the answer but for its end.
        const stalled = failureOf(error) === 'upstream_timeout' && unreadMs > route.timeoutMs / 2
        if (stalled) return leave()
        log(`${route.id} ${call.requestId}: the answer broke off`, error)
        await release(appender, hold, 'upstream_broke_off', response.status)
        end()
      },
      atCancel: leave,
    })
    async function leave(): Promise<void> {
      if (deps.isCutOff()) {
        await release(appender, hold, 'gateway_stopped', response.status)
        return end()
      }
      try {
        await settleHold({ ...used, terminatedBy: 'client' })
      } catch (error) {
        log(`${route.id} ${call.requestId}: left by its client, and not charged`, error)
      }
      end()
    }
    const headers = headersFor(response)
    const available = held.answer.available + hold.credits - used.credits
    setAll(headers, moneyHeaders(used.credits, held.answer, { ...held.answer, available }))
    const { status } = response
    return { response: new Response(bodyForClient, { status, headers }), relayed }
  }

  async function settleHold(used: Used): Promise<AppendResult> {
    const answer = await settle(appender, hold, used)
    deps.settled?.(performance.now() - heldAtMs)
    return answer
  }

  /** What is charged for a whole 2xx answer; `json` is its body, where it is metered. */
  async function usedBy(response: Response, json: unknown) {
    const { price } = held
    const said = price.per === 'token' ? reportedTokens(price, json) : undefined
    if (!growing || said === undefined) return fixedBy(response, json)
    await growing.cover(said, 0)
    return { ...upTo(growing, said), status: response.status }
  }

  /** The same where the hold is fixed. */
  function fixedBy({ status }: Response, json: unknown) {
    const facts = { request: body.facts, response: { json } }
    const quantity = settleQuantity(held.price, facts, hold.quantity)
    return { quantity, credits: credits(held.price, quantity), status }
  }

  function headersFor(response: Response): Headers {
    return callHeaders(forClient(response.headers), call, window)
  }
}

function whole({ status }: Response, bytes: Uint8Array, headers: Headers): Answered {
  return { response: new Response(bytes as Uint8Array<ArrayBuffer>, { status, headers }) }
}
