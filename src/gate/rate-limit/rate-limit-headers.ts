/**
 * How a window is told to the client: the IETF fields (draft-ietf-httpapi-ratelimit-headers-10,
 * structured fields) and the older X-RateLimit trio, which more programs read.
 */
import type { WindowState } from './rate-limiter.ts'

/**
 * Response headers for a window. Times are rounded up, so that a client who waits as told is not early.
 *
 * `RateLimit` carries `t`, "seconds until additional quota is made available", only when nothing is
 * left: before that the next call passes at once, and the field is optional.
 *
 * @param nowMs Unix milliseconds.
 * @param refused adds `Retry-After`: whole seconds, at least 1.
 */
export function rateHeaders(
  state: WindowState,
  nowMs: number,
  refused: boolean,
): Record<string, string> {
  const { limit, remaining, windowMs, resetMs } = state
  const waitSeconds = Math.max(1, Math.ceil(resetMs / 1_000))
  return {
    'RateLimit-Policy': `"default";q=${limit};w=${Math.ceil(windowMs / 1_000)}`,
    RateLimit: `"default";r=${remaining}${resetMs > 0 ? `;t=${waitSeconds}` : ''}`,
    'X-RateLimit-Limit': String(limit),
    'X-RateLimit-Remaining': String(remaining),
    'X-RateLimit-Reset': String(Math.ceil((nowMs + resetMs) / 1_000)),
    ...(refused ? { 'Retry-After': String(waitSeconds) } : {}),
  }
}
