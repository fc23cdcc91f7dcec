/** The responses of calls: the headers that every response carries, and refusals in the client's words. */

import type { LogPosition } from '../../../events/event.ts'
import type { Route } from '../../config/config.ts'
import { rateHeaders } from '../../gate/rate-limit/rate-limit-headers.ts'
import type { ObservedRateLimit } from '../../gate/rate-limit/rate-limiter.ts'
import type { AppendResult } from '../../ledger/append/call-commands.ts'
import { isFree } from '../../pricing/price-rule.ts'
import { problemOf } from '../../problems/problem-document.ts'
import type { Refusal, RefusalCode } from '../../problems/refusal.ts'
import type { Call, ReceivedCall } from '../call.ts'
import type { ForwardFailure } from '../upstream/forward.ts'

export interface CallResponse {
  readonly response: Response
  readonly refusal?: RefusalCode
  /** What a refusal says beside its code. */
  readonly extensions?: Refusal['extensions']
  /** Resolves when the body has been relayed or given up; absent when the response is whole. */
  readonly relayed?: Promise<void>
  /** The charge of a response that is whole: it leaves only if there is time left to. */
  readonly charged?: { readonly charge: LogPosition; readonly otherwise: () => CallResponse }
}

/** A refusal as the call's response; `headers` win. */
export function refuse(
  { requestId, route, buyMore }: ReceivedCall,
  refusal: Refusal,
  rateLimit?: ObservedRateLimit | undefined,
  headers: Readonly<Record<string, string>> = {},
): CallResponse {
  const response = problemOf(
    {
      ...withLinks(refusal, buyMore),
      headers: {
        ...(isFree(route.price) ? {} : { 'X-Credits-Charged': '0' }),
        ...rateLimitHeaders(route, rateLimit, refusal.code === 'rate_limited'),
        ...refusal.headers,
        ...headers,
      },
    },
    requestId,
    route.provider,
  )
  const { code, extensions } = refusal
  return { response, refusal: code, ...(extensions && { extensions }) }
}

/** What a program shows whoever has no credits left. Caps and budgets are no less used up for buying more. */
export function withLinks(refusal: Refusal, buyMore: string | undefined): Refusal {
  if (refusal.code !== 'insufficient_credits' || buyMore === undefined) return refusal
  return { ...refusal, extensions: { ...refusal.extensions, buyMore } }
}

/** A whole response of the upstream's, under these headers. */
export function wholeResponse(
  { request }: Call,
  { status }: Pick<Response, 'status'>,
  bytes: Uint8Array,
  headers: Headers,
): CallResponse {
  if (request.method !== 'HEAD') {
    return { response: new Response(bytes as Uint8Array<ArrayBuffer>, { status, headers }) }
  }
  // The length of a HEAD is what a GET would have. Where the upstream did not say it, the server would say 0.
  if (!headers.has('content-length')) headers.set('Transfer-Encoding', 'chunked')
  return { response: new Response(null, { status, headers }) }
}

/** Adds the headers of every call that the gate admitted. */
export function addCallHeaders(
  headers: Headers,
  { requestId, route }: Call,
  rateLimit: ObservedRateLimit | undefined,
): Headers {
  setAll(headers, rateLimitHeaders(route, rateLimit, false))
  headers.set('X-Request-Id', requestId)
  return headers
}

/** None for a call that counts in no rate limit. A route's own limit goes by the route's name. */
function rateLimitHeaders(
  { id, rateLimit: own, rateLimits }: Route,
  rateLimit: ObservedRateLimit | undefined,
  isRefused: boolean,
): Record<string, string> {
  if (!rateLimit) return {}
  const isOwn = own !== undefined || rateLimits !== undefined
  const policy = isOwn ? id : 'default'
  const headers = rateHeaders(rateLimit, Date.now(), isRefused, policy)
  return rateLimit.degraded ? { ...headers, 'X-RateLimit-Degraded': 'true' } : headers
}

/**
 * What the call cost, what is left, and where it stands in the ledger.
 * @param charged undefined: it is not known yet
 * @param reserved the ledger's result for the reservation
 * @param ended the same for its end; undefined when the ledger could not be reached: what is left is not known then
 */
export function creditHeaders(
  charged: number | undefined,
  reserved: AppendResult,
  ended: AppendResult | undefined,
): Record<string, string> {
  const { shard, position } = ended ?? reserved
  return {
    ...(charged === undefined ? {} : { 'X-Credits-Charged': String(charged) }),
    ...(ended ? { 'X-Credits-Remaining': String(ended.available) } : {}),
    'X-Ledger-Position': `${shard}-${position}`,
  }
}

export function setAll(headers: Headers, values: Readonly<Record<string, string>>): void {
  for (const name in values) headers.set(name, values[name] as string)
}

export const ledgerUnavailable: Refusal = {
  code: 'ledger_unavailable',
  detail: 'The ledger cannot be reached, so nothing can be sold just now. You were not charged.',
  headers: { 'Retry-After': '5' },
}

/** The upstream responded after the hold had expired: the gateway, or the ledger, was too slow. */
export const holdExpired: Refusal = {
  code: 'ledger_unavailable',
  detail:
    'The upstream responded, but what was held for this call had expired, so the response is withheld. You were not charged.',
  headers: { 'Retry-After': '5' },
}

/**
 * The upstream responded, and the charge may or may not be written, or was learned of too late. The response is withheld,
 * and the client reads where to see the charge.
 */
export function chargeUnknown(
  { requestId, route, request }: Call,
  rateLimit: ObservedRateLimit | undefined,
): CallResponse {
  const detail =
    'The upstream responded, but it was not learned in time whether the charge is recorded, so the response is ' +
    `withheld. See /v1/charges/${requestId}: if the call was charged after all, the charge can be refunded.`
  const headers = { ...rateLimitHeaders(route, rateLimit, false), 'Retry-After': '5' }
  const code = 'ledger_unavailable'
  const refusal = { code, detail, headers, isWorthRetrying: isNamed(request) } as const
  return { response: problemOf(refusal, requestId, route.provider), refusal: code }
}

/** Whether the call has an Idempotency-Key, so that a retry is not charged again. */
function isNamed({ headers }: Request): boolean {
  return headers.has('idempotency-key')
}

/** A relayed response that broke off before anything of it was sent. Its charge may be written all the same. */
export function brokenOff({ requestId, route, request }: ReceivedCall): CallResponse {
  const charge = isFree(route.price) ? '' : ` If it was charged, /v1/charges/${requestId} says so.`
  const detail = `The response broke off before its first byte.${charge}`
  const code = 'upstream_failed'
  const isWorthRetrying = isFree(route.price) || isNamed(request)
  const refusal = { code, detail, isWorthRetrying } as const
  return { response: problemOf(refusal, requestId, route.provider), refusal: code }
}

/** @param retryAfterSeconds as a busy upstream says */
export function upstreamRefusal(failure: ForwardFailure, retryAfterSeconds = 5): Refusal {
  switch (failure) {
    case 'upstream_unreachable':
      return { code: failure, detail: 'The upstream cannot be reached. You were not charged.' }
    case 'upstream_timeout':
      return { code: failure, detail: 'The upstream took too long. You were not charged.' }
    case 'upstream_failed':
      return { code: failure, detail: 'The upstream failed. You were not charged.' }
    case 'upstream_busy':
      return {
        code: failure,
        detail: 'The upstream is busy. You were not charged.',
        headers: { 'Retry-After': String(retryAfterSeconds) },
      }
    default:
      return failure satisfies never
  }
}
