/**
 * Rate limits counted in this process, for a gateway that runs alone or has lost its Redis.
 *
 * Decisions are made synchronously, so concurrent calls cannot pass each other. The counter of a key is
 * dropped once its time span has passed: every call looks at a few other counters in turn. Memory is
 * therefore bounded by the keys in use, without a timer and without a pause that grows with their number.
 */

import { dropInTurns } from '../../lib/drop-in-turns.ts'
import { monotonicUs, neverBackwards } from './clock.ts'
import { openInProcessTokens } from './in-process-tokens.ts'
import type { PermitDecision, RateLimit, RateLimiter, RateLimitState } from './rate-limiter.ts'
import { assertLimits, stateNamed, tightest } from './rate-limits.ts'
import { createRing, type Ring } from './ring.ts'

interface Counter {
  /** When the calls of the last time span were accepted. */
  readonly times: Ring
  dropAtUs: number
}

/** `keys` is the number of counters in memory (for tests). */
type InProcessLimiter = RateLimiter & { readonly keys: number }

/**
 * @param nowUs microseconds on any clock; one that steps backwards is allowed, and counts as a clock
 *   that stood still.
 */
export function openInProcessLimiter(nowUs: () => number = monotonicUs): InProcessLimiter {
  const clock = neverBackwards(nowUs)
  const counters = new Map<string, Counter>()
  const dropSome = dropInTurns(counters)

  function decide(limits: readonly RateLimit[]): PermitDecision {
    assertLimits(limits)
    const now = clock()
    dropSome(({ dropAtUs }) => dropAtUs <= now)
    const before = limits.map((limit) => stateOf(counters, limit, now))
    if (before.some((state) => state.remaining === 0)) {
      return { allowed: false, state: tightest(before), degraded: false }
    }
    for (const limit of limits) add(counters, limit, now)
    const state = tightest(limits.map((limit) => stateOf(counters, limit, now)))
    const permit = { limits, takenAtUs: now, source: 'process' } as const
    return { allowed: true, permit, state, degraded: false }
  }

  return {
    takePermit: async (limits) => decide(limits),
    async returnPermit({ limits, takenAtUs }) {
      for (const { key } of limits) counters.get(key)?.times.remove(takenAtUs)
    },
    async peek(limits) {
      assertLimits(limits)
      const now = clock()
      return tightest(limits.map((limit) => stateOf(counters, limit, now)))
    },
    tokens: openInProcessTokens(clock),
    degraded: false,
    async close() {
      counters.clear()
    },
    get keys() {
      return counters.size
    },
  }
}

function stateOf(
  counters: Map<string, Counter>,
  rateLimit: RateLimit,
  now: number,
): RateLimitState {
  const { key, limit, windowMs } = rateLimit
  const windowUs = windowMs * 1_000
  const times = timesInside(counters.get(key), windowUs, now)
  const size = times?.size ?? 0
  if (size < limit) return stateNamed(rateLimit, limit - size, 0)
  // One more passes when fewer than N are inside: when the N-th newest leaves. At limit 0, never.
  const leavesAtUs = times && limit > 0 ? times.newest(limit) + windowUs : now + windowUs
  return stateNamed(rateLimit, 0, (leavesAtUs - now) / 1_000)
}

function timesInside(
  counter: Counter | undefined,
  windowUs: number,
  now: number,
): Ring | undefined {
  if (counter === undefined) return undefined
  counter.times.dropUntil(now - windowUs)
  // A longer time span needs the counter for longer.
  counter.dropAtUs = Math.max(counter.dropAtUs, now + windowUs)
  return counter.times
}

function add(counters: Map<string, Counter>, { key, windowMs }: RateLimit, now: number): void {
  const counter = counters.get(key) ?? { times: createRing(), dropAtUs: 0 }
  counter.times.push(now)
  counter.dropAtUs = now + windowMs * 1_000
  counters.set(key, counter)
}
