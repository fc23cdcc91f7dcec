/**
 * Every refusal as data. Whoever decides returns a refusal and need not know HTTP; problem-document.ts makes the
 * response of it. Codes are part of the contract, because programs match on them: a code may be added, never renamed.
 */

/** What a route has that can lead to a refusal. The API documentation lists a route's codes by its traits. */
export type RouteTrait =
  | 'any'
  /** It is called with an API key. */
  | 'apiKey'
  /** It is called with a sign-in token. */
  | 'signIn'
  /** It takes parameters or a body. */
  | 'input'
  | 'body'
  /** It is a call that is sold. */
  | 'call'
  | 'callWithBody'
  /** It counts in a rate limit. */
  | 'limitedCall'
  | 'pricedCall'
  | 'upstream'

interface RefusalKind {
  readonly status: number
  /** The same for every occurrence; what happened this time is the detail. */
  readonly title: string
  /** Routes with one of these traits can refuse so. A route of management that refuses otherwise says so itself. */
  readonly appliesTo: readonly RouteTrait[]
}

/** Every code, by status. */
export const refusals = {
  invalid_request: {
    status: 400,
    title: 'The request is not valid',
    appliesTo: ['input', 'body', 'call'],
  },
  missing_key: { status: 401, title: 'An API key is required', appliesTo: ['apiKey'] },
  malformed_key: { status: 401, title: 'The API key is malformed', appliesTo: ['apiKey'] },
  unknown_key: { status: 401, title: 'The API key is not valid', appliesTo: ['apiKey'] },
  key_disabled: { status: 401, title: 'The API key is disabled', appliesTo: ['apiKey'] },
  key_expired: { status: 401, title: 'The API key has expired', appliesTo: ['apiKey'] },
  unauthorized: { status: 401, title: 'Sign in to do this', appliesTo: ['signIn'] },
  insufficient_credits: { status: 402, title: 'Not enough credits', appliesTo: ['pricedCall'] },
  key_cap_reached: {
    status: 402,
    title: 'The monthly cap of the API key is reached',
    appliesTo: ['pricedCall'],
  },
  budget_exceeded: {
    status: 402,
    title: 'A budget is used up for the present day, week or month',
    appliesTo: ['pricedCall'],
  },
  account_frozen: { status: 403, title: 'The account is frozen', appliesTo: ['apiKey'] },
  ip_not_allowed: {
    status: 403,
    title: 'The API key may not be used from this address',
    appliesTo: ['apiKey'],
  },
  endpoint_not_allowed: {
    status: 403,
    title: 'The API key may not call this endpoint',
    appliesTo: ['call'],
  },
  plan_not_grantable: { status: 403, title: 'This plan is given by an operator', appliesTo: [] },
  refund_by_operator: {
    status: 403,
    title: 'Charges like this are refunded by the operator',
    appliesTo: [],
  },
  forbidden: { status: 403, title: 'Not allowed', appliesTo: [] },
  sign_in_too_old: { status: 403, title: 'Sign in again to do this', appliesTo: [] },
  not_found: { status: 404, title: 'Not found', appliesTo: [] },
  method_not_allowed: { status: 405, title: 'Method not allowed', appliesTo: [] },
  body_too_slow: { status: 408, title: 'The body did not arrive in time', appliesTo: ['body'] },
  conflict: { status: 409, title: 'Conflict with the present state', appliesTo: [] },
  delivery_pending: {
    status: 409,
    title: 'The response of this call may still arrive',
    appliesTo: [],
  },
  idempotency_in_progress: {
    status: 409,
    title: 'A call with this Idempotency-Key is still running',
    appliesTo: ['call'],
  },
  outcome_unknown: {
    status: 409,
    title: 'The outcome of the call with this Idempotency-Key is unknown',
    appliesTo: ['call'],
  },
  answer_not_stored: {
    status: 409,
    title: 'The response of the call with this Idempotency-Key is not stored',
    appliesTo: ['call'],
  },
  precondition_failed: {
    status: 412,
    title: 'It has changed since it was read',
    appliesTo: [],
  },
  body_too_large: { status: 413, title: 'The body is too large', appliesTo: ['body'] },
  unsupported_media_type: { status: 415, title: 'Unsupported media type', appliesTo: ['body'] },
  idempotency_mismatch: {
    status: 422,
    title: 'The Idempotency-Key was used for another request',
    appliesTo: ['call'],
  },
  rate_limited: { status: 429, title: 'Too many requests', appliesTo: ['limitedCall', 'signIn'] },
  concurrency_exceeded: {
    status: 429,
    title: 'Too many calls in flight',
    appliesTo: ['call'],
  },
  internal: { status: 500, title: 'Internal error', appliesTo: ['any'] },
  upstream_unreachable: {
    status: 502,
    title: 'The upstream cannot be reached',
    appliesTo: ['upstream'],
  },
  upstream_failed: { status: 502, title: 'The upstream failed', appliesTo: ['upstream'] },
  bodies_too_large: {
    status: 503,
    title: 'The gateway is receiving as much as it can hold',
    appliesTo: ['body', 'callWithBody'],
  },
  ledger_unavailable: { status: 503, title: 'The ledger cannot be reached', appliesTo: ['any'] },
  price_missing: { status: 503, title: 'The endpoint has no price', appliesTo: ['apiKey'] },
  sign_in_unavailable: {
    status: 503,
    title: 'The identity provider cannot be reached',
    appliesTo: ['signIn'],
  },
  reports_busy: { status: 503, title: 'Too many reports are being computed', appliesTo: [] },
  upstream_busy: { status: 503, title: 'The upstream is busy', appliesTo: ['upstream'] },
  report_timeout: { status: 504, title: 'The report took too long', appliesTo: [] },
  upstream_timeout: { status: 504, title: 'The upstream took too long', appliesTo: ['upstream'] },
} as const satisfies Record<string, RefusalKind>

export type RefusalCode = keyof typeof refusals

/** Refusals of what can succeed a little later: nothing is wrong with the request, and it was not charged. */
const passing: ReadonlySet<RefusalCode> = new Set([
  ...(['body_too_slow', 'bodies_too_large', 'rate_limited', 'concurrency_exceeded'] as const),
  ...(['idempotency_in_progress', 'internal', 'ledger_unavailable', 'reports_busy'] as const),
  ...(['upstream_unreachable', 'upstream_failed', 'upstream_busy', 'upstream_timeout'] as const),
])

/** Whether the same request, sent again a little later, can succeed without being paid twice. */
export function isWorthRetrying({ code, isWorthRetrying }: Refusal): boolean {
  return isWorthRetrying ?? passing.has(code)
}

/** The codes with which a route of these traits can refuse, by status. */
export function codesOf(traits: readonly RouteTrait[]): RefusalCode[] {
  const all = Object.entries(refusals) as [RefusalCode, RefusalKind][]
  return all
    .filter(([, { appliesTo }]) => appliesTo.some((trait) => traits.includes(trait)))
    .map(([code]) => code)
}

/** One thing wrong with a request: where (a JSON pointer into the body, `path/id` or `query/lang`) and what. */
export interface InvalidPart {
  readonly pointer: string
  readonly detail: string
}

/** What a refusal may carry beyond its text, for programs. */
export interface RefusalExtensions {
  readonly errors?: readonly InvalidPart[]
  /** Credits that the call would have needed. */
  readonly required?: number
  /** Credits that there are. */
  readonly available?: number
  /** The rate limit that was reached: `10 calls in 1 s`. */
  readonly limit?: string
  /** ISO 8601: when the month ends, or the budget's span. */
  readonly resetsAt?: string
  /** The budget that is exceeded, by its name: `group team-a day Europe/Berlin`. */
  readonly budget?: string
  /** Where the seller sells credits, where credits are missing and the configuration says it. */
  readonly buyMore?: string
  /** `shard-position` of the ledger at which this was decided. */
  readonly position?: string
}

export interface Refusal {
  readonly code: RefusalCode
  /** What happened this time, for the client. Never internals: those go to the log. */
  readonly detail: string
  readonly extensions?: RefusalExtensions
  /** Headers that the refusal asks for: Retry-After with 429, 503 and where a budget's span ends, Allow with 405. */
  readonly headers?: Readonly<Record<string, string>>
  /** Where it is another thing than the code says: what the upstream did may be charged. */
  readonly isWorthRetrying?: boolean
}

/** The one refusal of unknown and of revoked keys, so that nobody can tell which a key is. */
export const unknownKey: Refusal = {
  code: 'unknown_key',
  detail: 'This API key does not exist or was revoked.',
}

/** The refusal of a request that is not valid. */
export function invalidRequest(errors: readonly InvalidPart[]): Refusal {
  return { code: 'invalid_request', detail: detailOf(errors), extensions: { errors } }
}

/** The first fault, with its place: `/title: missing`. `errors` have the others. */
export function detailOf([first]: readonly InvalidPart[]): string {
  if (first === undefined) return 'The request is not valid.'
  return first.pointer === '' ? first.detail : `${first.pointer}: ${first.detail}`
}
