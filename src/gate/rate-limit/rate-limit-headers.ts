/**
 * The response headers for a rate limit: the IETF fields (draft-ietf-httpapi-ratelimit-headers-10,
 * structured fields) and the older X-RateLimit trio, which more programs read.
 */
import type { RateLimitState } from './rate-limiter.ts'

/**
 * Times are rounded up, so that a client who waits as long as the headers say is not early.
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
  state: RateLimitState,
  nowMs: number,
  refused: boolean,
  policy = 'default',
): Record<string, string> {
  const { limit, remaining, windowMs, resetMs, name } = state
  const item = name === undefined ? policy : `${policy}-${name}`
  const waitSeconds = Math.max(1, Math.ceil(resetMs / 1_000))
  return {
    'RateLimit-Policy': `"${item}";q=${limit};w=${Math.ceil(windowMs / 1_000)}`,
    RateLimit: `"${item}";r=${remaining}${resetMs > 0 ? `;t=${waitSeconds}` : ''}`,
    'X-RateLimit-Limit': String(limit),
    'X-RateLimit-Remaining': String(remaining),
    'X-RateLimit-Reset': String(Math.ceil((nowMs + resetMs) / 1_000)),
    ...(refused ? { 'Retry-After': String(waitSeconds) } : {}),
  }
}
