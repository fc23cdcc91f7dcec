// Every way in which Tollbook says no, as data: whoever decides returns a refusal and need not know HTTP;
// src/problems/problem-document.ts makes the answer of it. Codes are part of the contract: programs match on them, so one
// may be added but never renamed.

/** Status and title by code. The title is the same for every occurrence; what happened this time is the detail. */
export const refusals = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  missing_key: { status: 401, title: 'An API key is required' },
  malformed_key: { status: 401, title: 'The API key is malformed' },
  unknown_key: { status: 401, title: 'The API key is not valid' },
  key_disabled: { status: 401, title: 'The API key is disabled' },
  key_expired: { status: 401, title: 'The API key has expired' },
  unauthorized: { status: 401, title: 'Sign in to do this' },
  insufficient_credits: { status: 402, title: 'Not enough credits' },
  key_cap_reached: { status: 402, title: 'The monthly cap of the API key is reached' },
  endpoint_not_allowed: { status: 403, title: 'The API key may not call this endpoint' },
  ip_not_allowed: { status: 403, title: 'The API key may not be used from this address' },
  plan_not_grantable: { status: 403, title: 'This plan is given by an operator' },
  forbidden: { status: 403, title: 'Not allowed' },
  account_frozen: { status: 403, title: 'The account is frozen' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  body_too_slow: { status: 408, title: 'The body did not arrive in time' },
  conflict: { status: 409, title: 'Conflict with the present state' },
  idempotency_in_progress: {
    status: 409,
    title: 'A call with this Idempotency-Key is still running',
  },
  outcome_unknown: {
    status: 409,
    title: 'The outcome of the call with this Idempotency-Key is unknown',
  },
  answer_not_stored: {
    status: 409,
    title: 'The answer of the call with this Idempotency-Key is not stored',
  },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  idempotency_mismatch: { status: 422, title: 'The Idempotency-Key was used for another request' },
  rate_limited: { status: 429, title: 'Too many requests' },
  concurrency_exceeded: { status: 429, title: 'Too many calls in flight' },
  internal: { status: 500, title: 'Internal error' },
  upstream_unreachable: { status: 502, title: 'The service behind the gateway cannot be reached' },
  upstream_failed: { status: 502, title: 'The service behind the gateway failed' },
  upstream_busy: { status: 503, title: 'The service behind the gateway is busy' },
  ledger_unavailable: { status: 503, title: 'The ledger cannot be reached' },
  bodies_too_large: {
    status: 503,
    title: 'The gateway is receiving as much as it can hold',
  },
  price_missing: { status: 503, title: 'The endpoint has no price' },
  upstream_timeout: { status: 504, title: 'The service behind the gateway took too long' },
} as const satisfies Record<string, { status: number; title: string }>

export type RefusalCode = keyof typeof refusals

/** One thing wrong with a request: where (a JSON pointer) and what. */
export interface InvalidPart {
  readonly pointer: string
  readonly detail: string
}

/** What a refusal may say beyond its text, for programs. */
export interface RefusalExtensions {
  readonly errors?: readonly InvalidPart[]
  /** Credits that the call would have needed. */
  readonly required?: number
  /** Credits that there are. */
  readonly available?: number
  /** ISO 8601: when waiting helps, and until when. */
  readonly resetsAt?: string
  /** `shard-position` of the ledger at which this was decided. */
  readonly position?: string
}

export interface Refusal {
  readonly code: RefusalCode
  /** What the client is told about this occurrence. Never internals: those go to the log. */
  readonly detail: string
  readonly extensions?: RefusalExtensions
  /** Headers that the refusal asks for: Retry-After with 429 and 503, Allow with 405. */
  readonly headers?: Readonly<Record<string, string>>
}

/** The one refusal of keys that never were and keys that were revoked: nobody can tell them apart. */
export const unknownKey: Refusal = {
  code: 'unknown_key',
  detail: 'This API key does not exist or was revoked.',
}
