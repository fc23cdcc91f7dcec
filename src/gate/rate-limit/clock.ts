/** Clocks of limits that are counted in this process, in microseconds. */

export function monotonicUs(): number {
  return Math.floor(performance.now() * 1_000)
}

/**
 * A clock that stands still where the one beneath it steps back. No accepted call is then later than
 * now, and none looks older than it is: a step back can only make a rate limit stricter.
 */
export function neverBackwards(nowUs: () => number): () => number {
  let shift = 0
  let last = Number.NEGATIVE_INFINITY
  return () => {
    const now = nowUs()
    if (now + shift < last) shift = last - now
    last = now + shift
    return last
  }
}
