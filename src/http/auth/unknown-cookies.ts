/**
 * How often cookies of unknown sessions are looked up for the same client. Anybody can send any number of cookies, and each look is a
 * query of the ledger: so whoever sends cookies that nobody was signed in with here lately waits before the look, and is refused without one
 * when he does not wait for it. It decides who waits, and not who is signed in.
 */
import { dropInTurns } from '../../lib/drop-in-turns.ts'
import { Pace } from '../../lib/pace.ts'

const perSecond = 20
const burst = 100
const maxWaitMs = 5_000
/** A session that was looked up is known for so long: a page asks for several things, and again soon. */
const knownMs = 10 * 60_000

interface UnknownCookies {
  /** Waits until the session may be looked up. @param session a hash @returns false: it may not be */
  mayLookUp(session: string, client: string): Promise<boolean>
  /** The session was found. */
  know(session: string): void
}

export function openUnknownCookies(): UnknownCookies {
  const pace = new Pace({ perSecond, burst, maxWaitMs })
  const knownUntilMs = new Map<string, number>()
  const forget = dropInTurns(knownUntilMs)
  return {
    async mayLookUp(session, client) {
      if ((knownUntilMs.get(session) ?? 0) > performance.now()) return true
      const waitMs = pace.count(client, 1)
      if (waitMs > 0) await Bun.sleep(waitMs)
      // The longest wait is what is left of a longer one; it is computed, so it can be a little less.
      return waitMs < maxWaitMs - 1
    },
    know(session) {
      const nowMs = performance.now()
      forget((untilMs) => untilMs <= nowMs)
      knownUntilMs.set(session, nowMs + knownMs)
    },
  }
}
