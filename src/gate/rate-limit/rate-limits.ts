/** What every rate limiter does with a list of limits: refuse nonsense, and pick the state to report. */
import type { RateLimit, RateLimitState } from './rate-limiter.ts'

/**
 * A NaN would never compare as reached, that is: the rate would be unlimited.
 * @throws RangeError unless there is at least one limit and each is one
 */
export function assertLimits(limits: readonly RateLimit[]): void {
  if (limits.length === 0) throw new RangeError('a permit needs at least one rate limit')
  for (const { key, limit, windowMs } of limits) {
    const sound = Number.isSafeInteger(limit) && limit >= 0
    if (!sound || !Number.isSafeInteger(windowMs) || windowMs < 1) {
      throw new RangeError(`no rate limit: ${limit} per ${windowMs} ms for ${key}`)
    }
  }
}

const ofTokens = 'tokens-'

/** What a limit of tokens is called among the others of an account or route. @param per its span as it is written */
export const tokenLimitName = (per: string) => ofTokens + per

export function countsTokens({ name }: Pick<RateLimitState, 'name'>): boolean {
  return name?.startsWith(ofTokens) === true
}

/** How a limit stands, under its name. */
export function stateNamed(
  { limit, windowMs, name }: RateLimit,
  remaining: number,
  resetMs: number,
): RateLimitState {
  if (name === undefined) return { limit, remaining, windowMs, resetMs }
  return { limit, remaining, windowMs, resetMs, name }
}

/**
 * The state that decides when one more call passes all limits: the longest wait, then the fewest
 * calls left. What the client reads must hold for the whole decision, not for one of its limits.
 */
export function tightest(states: readonly RateLimitState[]): RateLimitState {
  return states.reduce((tight, state) => {
    if (state.resetMs !== tight.resetMs) return state.resetMs > tight.resetMs ? state : tight
    return state.remaining < tight.remaining ? state : tight
  })
}
