/**
 * How often unknown secrets of the same client are looked up: cookies of sessions, and operator keys. Anybody can send any number of them, and each look is a
 * query of the ledger: so whoever sends secrets that nobody was known by here lately waits before the look, and is refused without one
 * when he does not wait for it. It decides who waits, and not who is admitted.
 */
import { dropInTurns } from '../../lib/drop-in-turns.ts'
import { Pace } from '../../lib/pace.ts'

const perSecond = 20
const burst = 100
const maxWaitMs = 5_000
/** A secret that was found is known for so long: a page asks for several things, and again soon. */
const knownMs = 10 * 60_000

interface UnknownSecrets {
  /** Waits until the secret may be looked up. @param secret a hash @returns false: it may not be */
  mayLookUp(secret: string, client: string): Promise<boolean>
  /** The secret was found. */
  know(secret: string): void
}

export function openUnknownSecrets(): UnknownSecrets {
  const pace = new Pace({ perSecond, burst, maxWaitMs })
  const knownUntilMs = new Map<string, number>()
  const forget = dropInTurns(knownUntilMs)
  return {
    async mayLookUp(secret, client) {
      if ((knownUntilMs.get(secret) ?? 0) > performance.now()) return true
      const waitMs = pace.count(client, 1)
      if (waitMs > 0) await Bun.sleep(waitMs)
      // The longest wait is what is left of a longer one; it is computed, so it can be a little less.
      return waitMs < maxWaitMs - 1
    },
    know(secret) {
      const nowMs = performance.now()
      forget((untilMs) => untilMs <= nowMs)
      knownUntilMs.set(secret, nowMs + knownMs)
    },
  }
}
