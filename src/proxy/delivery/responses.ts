/** How a call is answered: the headers that every answer carries, and refusals in the client's words. */
import type { Route } from '../../config/config.ts'
import type { SeenWindow } from '../../gate/gate.ts'
import { rateHeaders } from '../../gate/rate-limit/rate-limit-headers.ts'
import type { AppendResult } from '../../ledger/append/call-commands.ts'
import { problemOf } from '../../problems/problem-document.ts'
import type { Refusal, RefusalCode } from '../../problems/refusal.ts'
import type { BodyRefusal } from '../request/request-body.ts'
import type { ForwardFailure } from '../upstream/forward.ts'

/** One call under /v1. */
export interface Call {
  readonly request: Request
  readonly requestId: string
  readonly route: Route
  /** On the monotonic clock. */
  readonly startedAtMs: number
  /** Spent waiting for the service; grows until the answer to the client can begin. */
  upstreamMs: number
}

export interface Answered {
  readonly response: Response
  readonly refusal?: RefusalCode
  /** Resolves when the body has been relayed or given up; absent when the response is whole. */
  readonly relayed?: Promise<void>
}

/** A refusal as the call's answer; `headers` win. */
export function refused(
  { requestId, route }: Call,
  refusal: Refusal,
  window?: SeenWindow,
  headers: Readonly<Record<string, string>> = {},
): Answered {
  const response = problemOf(
    {
      ...refusal,
      headers: {
        ...(route.price.per === 'free' ? {} : { 'X-Credits-Charged': '0' }),
        ...(window ? windowHeaders(window, refusal.code === 'rate_limited') : {}),
        ...refusal.headers,
        ...headers,
      },
    },
    requestId,
  )
  return { response, refusal: refusal.code }
}

/** Headers of an answer that passed the gate. */
export function callHeaders(headers: Headers, { requestId }: Call, window: SeenWindow): Headers {
  setAll(headers, windowHeaders(window, false))
  headers.set('X-Request-Id', requestId)
  return headers
}

function windowHeaders(window: SeenWindow, refused: boolean): Record<string, string> {
  const headers = rateHeaders(window, Date.now(), refused)
  return window.degraded ? { ...headers, 'X-RateLimit-Degraded': 'true' } : headers
}

/** The window as it stands when a call has given its place back: one more passes at once. */
export function givenBack(window: SeenWindow): SeenWindow {
  return { ...window, remaining: window.remaining + 1, resetMs: 0 }
}

/**
 * What the call cost, what is left, and where it stands in the ledger. Without an `answer` (the ledger
 * could not be reached to release the hold) what is left is not known.
 */
export function moneyHeaders(
  charged: number,
  held: AppendResult,
  answer: AppendResult | undefined,
): Record<string, string> {
  const { shard, position } = answer ?? held
  return {
    'X-Credits-Charged': String(charged),
    ...(answer ? { 'X-Credits-Remaining': String(answer.available) } : {}),
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

/** The service answered, and the hold had expired by then: the gateway, or the ledger, was too slow. */
export const heldNoLonger: Refusal = {
  code: 'ledger_unavailable',
  detail:
    'The service answered, but what was held for this call had expired, so the answer is withheld. You were not charged.',
  headers: { 'Retry-After': '5' },
}

/**
 * The service answered and the charge may or may not have been written: the answer is withheld, and
 * nothing is said of what was charged but where to see it.
 */
export function chargeUnknown({ requestId }: Call, window: SeenWindow): Answered {
  const detail =
    'The service answered, but the ledger cannot be reached to record the charge, so the answer is ' +
    `withheld. See /v1/charges/${requestId}: if it was charged after all, it is refunded on request.`
  const headers = { ...windowHeaders(window, false), 'Retry-After': '5' }
  const code = 'ledger_unavailable'
  return { response: problemOf({ code, detail, headers }, requestId), refusal: code }
}

export function upstreamRefusal(failure: ForwardFailure): Refusal {
  switch (failure) {
    case 'upstream_unreachable':
      return { code: failure, detail: 'The service cannot be reached. You were not charged.' }
    case 'upstream_timeout':
      return { code: failure, detail: 'The service took too long. You were not charged.' }
    case 'upstream_failed':
      return { code: failure, detail: 'The service failed. You were not charged.' }
    case 'upstream_busy':
      return {
        code: failure,
        detail: 'The service is busy. You were not charged.',
        headers: { 'Retry-After': '5' },
      }
    default:
      return failure satisfies never
  }
}

export function bodyRefusal({ status, errors }: BodyRefusal): Refusal {
  const code = bodyCodes[status]
  return {
    code,
    detail: errors[0]?.detail ?? 'The body is not valid.',
    extensions: { errors },
    // Nothing else ends a body that is still on its way.
    ...(status === 408 && { headers: { Connection: 'close' } }),
    ...(status === 503 && { headers: { 'Retry-After': '1' } }),
  }
}

const bodyCodes = {
  400: 'invalid_request',
  408: 'body_too_slow',
  413: 'body_too_large',
  415: 'unsupported_media_type',
  503: 'bodies_too_large',
} as const
