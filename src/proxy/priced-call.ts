/**
 * A priced call, once it holds credits: forward, meter, settle, respond. Every way out of here ends the
 * hold: settled when the service did its work, released when it did not. Should the book be away, the
 * hold expires by itself, uncharged, and the answer is not sent.
 */
import type { Config } from '../config/config.ts'
import type { Held } from '../gate/gate.ts'
import type { WindowState } from '../gate/windows/index.ts'
import type { Appender } from '../ledger/appender.ts'
import {
  type Answered,
  type Call,
  callHeaders,
  moneyHeaders,
  refused,
  setAll,
  upstreamRefusal,
} from './answers.ts'
import { type Forwarded, type ForwardFailure, failureOf } from './forward.ts'
import { towardsCaller } from './headers.ts'
import { charges, credits, readsResponse, settleQuantity } from './price.ts'
import { heldBack, readStart, type Start } from './relay.ts'
import type { CallBody } from './request-body.ts'
import { type OpenHold, release, settle } from './settlement.ts'

export interface PricedCallDeps {
  readonly config: Config
  readonly appender: Appender
  /** Sends the call to its service. `plain`: the answer will be read. */
  readonly send: (plain: boolean) => Promise<Forwarded>
  readonly log: (message: string, error?: unknown) => void
}

/** An answer that has to be read to be priced may be this large. */
const mostMeteredBytes = 16 * 1024 * 1024

export async function pricedCall(
  call: Call,
  held: Held,
  body: CallBody,
  window: WindowState,
  deps: PricedCallDeps,
): Promise<Answered> {
  const { route } = call
  const { appender, log } = deps
  const { price, answer: holdAnswer } = held
  const hold: OpenHold = { ...held, ...call, endpoint: route.id }
  const metered = readsResponse({ ...route, price })

  const forwarded = await deps.send(metered)
  if (!forwarded.ok) return fail(forwarded.failure, forwarded.status)
  const { response } = forwarded
  let start: Start
  try {
    start = await readStart(response, metered ? mostMeteredBytes : deps.config.limits.heldBackBytes)
  } catch (error) {
    return fail(failureOf(error), response.status)
  }
  if (start.kind === 'longer') {
    if (!metered && response.ok) return stream(start)
    log(`${route.id}: the answer is too large to be read`)
    await start.rest.cancel()
    return fail('upstream_failed', response.status)
  }
  if (!response.ok) return free(start.bytes, 'refused_by_service')
  return charge(start.bytes)

  /** The service failed: nothing of its answer reaches the caller, who is not charged. */
  async function fail(failure: ForwardFailure, status?: number): Promise<Answered> {
    const released = await release(appender, hold, failure, status)
    const headers = moneyHeaders(0, holdAnswer, released)
    return refused(call, upstreamRefusal(failure), window, headers)
  }

  /** An answer that is the caller's to read and not to be paid. */
  async function free(bytes: Uint8Array, reason: string): Promise<Answered> {
    const released = await release(appender, hold, reason, response.status)
    const headers = answerHeaders(moneyHeaders(0, holdAnswer, released))
    if (!response.ok) headers.set('X-Error-Source', 'upstream')
    return whole(bytes, headers)
  }

  /** A whole answer: metered, settled, and then sent with the settlement in its head. */
  async function charge(bytes: Uint8Array): Promise<Answered> {
    let json: unknown
    if (metered) {
      try {
        json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
      } catch {
        return fail('upstream_failed', response.status)
      }
    }
    const facts = { json }
    if (!charges(route, facts)) return free(bytes, 'not_successful')
    const quantity = settleQuantity(price, { request: body.facts, response: facts }, hold.quantity)
    const used = { quantity, credits: credits(price, quantity), status: response.status }
    try {
      const settled = await settle(appender, hold, used)
      return whole(bytes, answerHeaders(moneyHeaders(used.credits, holdAnswer, settled)))
    } catch (error) {
      // The charge is not known to be durable, so nothing is sent; what still is held is freed.
      void release(appender, hold, 'settlement_failed', response.status)
      throw error
    }
  }

  /**
   * A long answer. The request fixed its price, so what was held is the charge; the head carries the
   * hold's position, and the last piece waits for the settlement.
   */
  function stream(longer: Extract<Start, { kind: 'longer' }>): Answered {
    const { promise: relayed, resolve: end } = Promise.withResolvers<void>()
    const used = { credits: hold.credits, quantity: hold.quantity, status: response.status }
    const bodyForCaller = heldBack(longer, {
      async atEnd() {
        await settle(appender, hold, used)
        end()
      },
      async atFailure(error) {
        log(`${route.id}: the answer broke off`, error)
        await release(appender, hold, 'broke_off', response.status)
        end()
      },
      async atCancel() {
        try {
          await settle(appender, hold, { ...used, cutBy: 'client' })
        } catch (error) {
          log(
            `${route.id}: the charge of a caller who left is not written; its hold expires`,
            error,
          )
        }
        end()
      },
    })
    const headers = answerHeaders(moneyHeaders(hold.credits, holdAnswer, holdAnswer))
    return { response: new Response(bodyForCaller, { status: response.status, headers }), relayed }
  }

  function answerHeaders(money: Readonly<Record<string, string>>): Headers {
    const headers = callHeaders(towardsCaller(response.headers), call, window)
    setAll(headers, money)
    return headers
  }

  function whole(bytes: Uint8Array, headers: Headers): Answered {
    const { status } = response
    return { response: new Response(bytes as Uint8Array<ArrayBuffer>, { status, headers }) }
  }
}
