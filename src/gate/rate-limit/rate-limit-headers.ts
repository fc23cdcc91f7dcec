/**
 * The response headers for a rate limit: the IETF fields (draft-ietf-httpapi-ratelimit-headers-10,
 * structured fields) and the older X-RateLimit trio, which more programs read.
 */
import type { ObservedRateLimit, RateLimitState } from './rate-limiter.ts'
import { countsTokens } from './rate-limits.ts'

/**
 * Times are rounded up, so that a client who waits as long as the headers say is not early.
 *
 * Of a call that takes tokens the IETF fields have two items, for its calls and for its tokens; the trio is for calls, unless it is
 * the limit of tokens that refuses.
 *
 * `RateLimit` carries `t`, "seconds until additional quota is made available", only when nothing is
 * left: before that the next call passes at once, and the field is optional.
 *
 * @param nowMs Unix milliseconds
 * @param refused adds `Retry-After`: whole seconds, at least 1
 * @param policy names the limit: clients keep what they know of one apart from what they know of another. Of several limits
 *   the one that is shown adds its own name
 */
export function rateHeaders(
  state: RateLimitState & Pick<ObservedRateLimit, 'tokens'>,
  nowMs: number,
  refused: boolean,
  policy = 'default',
): Record<string, string> {
  const { limit, remaining, resetMs, tokens } = state
  const ofTokens = tokens ? `, ${policyItem(tokens, policy)}` : ''
  const leftOfTokens = tokens ? `, ${leftItem(tokens, policy)}` : ''
  return {
    'RateLimit-Policy': policyItem(state, policy) + ofTokens,
    RateLimit: leftItem(state, policy) + leftOfTokens,
    'X-RateLimit-Limit': String(limit),
    'X-RateLimit-Remaining': String(remaining),
    'X-RateLimit-Reset': String(Math.ceil((nowMs + resetMs) / 1_000)),
    ...(refused ? { 'Retry-After': String(waitSeconds(resetMs)) } : {}),
  }
}

function policyItem(state: RateLimitState, policy: string): string {
  // Without a unit it would be one of requests.
  const unit = countsTokens(state) ? ';qu="tokens"' : ''
  return `"${nameOf(state, policy)}";q=${state.limit};w=${Math.ceil(state.windowMs / 1_000)}${unit}`
}

function leftItem(state: RateLimitState, policy: string): string {
  const { remaining, resetMs } = state
  const wait = resetMs > 0 ? `;t=${waitSeconds(resetMs)}` : ''
  return `"${nameOf(state, policy)}";r=${remaining}${wait}`
}

function nameOf({ name }: RateLimitState, policy: string): string {
  return name === undefined ? policy : `${policy}-${name}`
}

function waitSeconds(resetMs: number): number {
  return Math.max(1, Math.ceil(resetMs / 1_000))
}
