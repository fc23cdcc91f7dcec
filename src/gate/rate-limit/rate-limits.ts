/** What every kind of window does with a list of limits: refuse nonsense, and pick the state to show. */
import type { Limit, WindowState } from './rate-limiter.ts'

/**
 * Throws a RangeError unless there is at least one limit and each is one. A NaN would compare as
 * "not full" for ever, that is: unlimited.
 */
export function assertLimits(limits: readonly Limit[]): void {
  if (limits.length === 0) throw new RangeError('a rate window needs at least one limit')
  for (const { key, limit, windowMs } of limits) {
    const sound = Number.isSafeInteger(limit) && limit >= 0
    if (!sound || !Number.isSafeInteger(windowMs) || windowMs < 1) {
      throw new RangeError(`no rate limit: ${limit} per ${windowMs} ms for ${key}`)
    }
  }
}

/**
 * The state that decides when one more call passes all limits: the longest wait, then the fewest
 * places left. What a client is told must hold for the whole decision, not for one of its limits.
 */
export function tightest(states: readonly WindowState[]): WindowState {
  return states.reduce((tight, state) => {
    if (state.resetMs !== tight.resetMs) return state.resetMs > tight.resetMs ? state : tight
    return state.remaining < tight.remaining ? state : tight
  })
}
