/**
 * How fast the same client is refused. A refusal costs little, and thousands of them a second a lot: whoever is refused over and
 * over learns it more slowly. Nobody who is admitted waits, and nobody waits for another's refusals.
 */
import { Pace } from '../../lib/pace.ts'

const perSecond = 50
const burst = 200
/** Beyond that it would be its connections that cost something. */
const maxWaitMs = 5_000

/** Waits until the client may be told that it is refused. @param client a principal, or the address of one who has not signed in */
export type AwaitRefusal = (client: string) => Promise<void>

export function openRefusalPace(): AwaitRefusal {
  const pace = new Pace({ perSecond, burst, maxWaitMs })
  return async (client) => {
    const waitMs = pace.count(client, 1)
    if (waitMs > 0) await Bun.sleep(waitMs)
  }
}
