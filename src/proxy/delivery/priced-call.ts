/** A priced call between its reservation and its end: what every way of delivering a response needs of it. */

import type { Counted } from '../../../events/counted.ts'
import type { LogPosition } from '../../../events/event.ts'
import type { ObservedRateLimit } from '../../gate/rate-limit/rate-limiter.ts'
import type { Reservation, Usage } from '../../gate/reservation/reservation.ts'
import type { AppendResult } from '../../ledger/append/call-commands.ts'
import type { StoredResponses } from '../../ledger/idempotency/stored-responses.ts'
import { LedgerUnavailable } from '../../ledger/unavailable.ts'
import { readsResponse, usedOf } from '../../pricing/counting.ts'
import type { SaidInEvents } from '../../pricing/price-kind.ts'
import type { Refusal } from '../../problems/refusal.ts'
import type { Call } from '../call.ts'
import type { FreeCalls } from '../metering/count-free-calls.ts'
import { type CallBody, streamOf } from '../request/request-body.ts'
import type { ForwardFailure } from '../upstream/forward.ts'
import { headersForClient, type Upstreams } from '../upstream/upstreams.ts'
import {
  addCallHeaders,
  type CallResponse,
  creditHeaders,
  ledgerUnavailable,
  refuse,
  upstreamRefusal,
} from './responses.ts'

export interface DeliveryDeps {
  readonly upstreams: Upstreams
  readonly storedResponses: StoredResponses
  readonly freeCalls: FreeCalls
  /** Larger response bodies are relayed as they come. */
  readonly maxBufferedBytes: number
  /** How long a client may take to read a response, beyond its upstream's own time. */
  readonly maxDeliverySeconds: number
  /**
   * Asked at the last moment before the response of a charge leaves, or its last piece. false: it is too late, and the
   * response is withheld.
   */
  readonly letLeave: (charge: LogPosition) => boolean
  /** Called when a call was charged, with how long its credits had been reserved. */
  readonly settled?: (heldMs: number) => void
  /** Whether the gateway is ending what still is under way: whoever is cut off has not left, and is not charged. */
  readonly isCutOff: () => boolean
  readonly log: (message: string, error?: unknown) => void
}

export interface PricedCall {
  readonly call: Call
  readonly body: CallBody
  readonly rateLimit: ObservedRateLimit | undefined
  /** Replaced once at most: when a call on a lease needs a dedicated hold. */
  reservation: Reservation
  readonly reservedAtMs: number
  readonly deps: DeliveryDeps
}

/** Whether the price depends on the response, which then has to be read whole. */
export function isPricedByResponse({ call, reservation }: PricedCall): boolean {
  const { chargeWhen } = call.route
  return readsResponse({ price: reservation.terms.price, chargeWhen })
}

/** Whether how much is charged depends on the response's body; with `chargeWhen` alone it is all or nothing. */
export function isPricedByBody({ reservation }: PricedCall): boolean {
  return readsResponse({ price: reservation.terms.price })
}

/** What a call used by its response whose JSON, where its price depends on that, is this, or whose events have said so much. */
export function usedBy(
  { body, reservation }: PricedCall,
  { headers }: Response,
  json: unknown,
  events?: SaidInEvents,
): Counted {
  const { terms } = reservation
  const response = { json, headers, ...(events && { events }) }
  return usedOf(terms.price, { request: body.content, response }, terms)
}

/** Charges the call. Only when this has resolved may its response leave whole. */
export async function chargeCall(priced: PricedCall, usage: Usage): Promise<AppendResult> {
  const result = await priced.reservation.charge(usage)
  priced.deps.settled?.(performance.now() - priced.reservedAtMs)
  return result
}

/** Why a call gets no dedicated hold. */
interface NotHeld {
  readonly refusal: Refusal
  /**
   * If the ledger did not reply, the hold may still be granted; the appender then releases it, and that ends the call.
   */
  readonly mayBeHeld: boolean
}

/** Gives a call on a lease a dedicated hold, by the key and its price as they now are. Returns why it cannot have one. */
export async function convertToDedicatedHold(priced: PricedCall): Promise<NotHeld | undefined> {
  const { call, deps } = priced
  try {
    const converted = await priced.reservation.convertToDedicatedHold()
    if (!converted.ok) return { refusal: converted.refusal, mayBeHeld: false }
    priced.reservation = converted.reservation
    return undefined
  } catch (error) {
    if (!(error instanceof LedgerUnavailable)) throw error
    deps.log(
      `${call.route.id} ${call.requestId}: the ledger did not say whether it takes a dedicated hold`,
      error,
    )
    return { refusal: ledgerUnavailable, mayBeHeld: true }
  }
}

/** The upstream responded to a call that may not be sold any more: its response is not delivered. */
export async function rejectAfterUpstream(
  { call, reservation, rateLimit }: PricedCall,
  { refusal, mayBeHeld }: NotHeld,
): Promise<CallResponse> {
  // A call must not be ended twice.
  if (!mayBeHeld) await reservation.void('rejected_after_upstream')
  return refuse(call, refusal, rateLimit)
}

/**
 * The upstream failed, or got no whole request because the body that it was sent broke off: nothing of its response reaches
 * the client, who is not charged.
 */
export async function failForUpstream(
  { call, body, reservation, rateLimit }: PricedCall,
  failure: ForwardFailure,
  status?: number,
  retryAfterSeconds?: number,
): Promise<CallResponse> {
  const broken = streamOf(body)?.refusal
  const ended = await (broken
    ? reservation.void('request_broke_off')
    : reservation.void(failure, status))
  const headers = creditHeaders(0, reservation.terms.result, ended)
  return refuse(call, broken ?? upstreamRefusal(failure, retryAfterSeconds), rateLimit, headers)
}

/** Headers of the upstream's response, as the client gets them. */
export function headersOf(priced: PricedCall, response: Response): Headers {
  return addCallHeaders(upstreamHeadersOf(priced, response), priced.call, priced.rateLimit)
}

/** The same without what the gateway adds: what is stored for retries. */
export function upstreamHeadersOf(
  { call, reservation, deps }: PricedCall,
  response: Response,
): Headers {
  return headersForClient(deps.upstreams, call, reservation.terms.key, response)
}
