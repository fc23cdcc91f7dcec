/** Waits for work that may take too long, without ending it. */
import pTimeout from 'p-timeout'

/**
 * Resolves when the work is done or this time is over, whichever comes first; after a millisecond for 0 or less.
 * @throws what the work throws before the time is over
 */
export async function waitAtMost(milliseconds: number, work: Promise<unknown>): Promise<void> {
  // p-timeout takes no time that is not positive.
  await pTimeout(work, { milliseconds: Math.max(milliseconds, 1), message: false })
}
