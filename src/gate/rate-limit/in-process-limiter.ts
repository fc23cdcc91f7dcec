/**
 * Rate windows in this process, for a gateway that runs alone or has lost its Redis.
 *
 * Decisions are made synchronously, so concurrent calls cannot pass each other. A key is forgotten
 * once its window has passed: every call looks at a few other keys in turn, which bounds the memory by
 * the keys in use without a timer and without a pause that grows with their number.
 */

import type { Limit, WindowDecision, WindowState, Windows } from './rate-limiter.ts'
import { assertLimits, tightest } from './rate-limits.ts'
import { createRing, type Ring } from './ring.ts'

interface Kept {
  readonly times: Ring
  forgetAtUs: number
}

/** Windows in memory, and how many keys they keep (for tests and metrics). */
export type ProcessWindows = Windows & { readonly keys: number }

const LOOKS_PER_CALL = 4

/**
 * @param nowUs microseconds on any clock; one that steps backwards is allowed, and counts as a clock
 *   that stood still.
 */
export function processWindows(nowUs: () => number = monotonicUs): ProcessWindows {
  const clock = neverBackwards(nowUs)
  const kept = new Map<string, Kept>()

  function take(limits: readonly Limit[]): WindowDecision {
    assertLimits(limits)
    const now = clock()
    forgetSome(kept, now)
    const before = limits.map((limit) => stateOf(kept, limit, now))
    if (before.some((state) => state.remaining === 0)) {
      return { allowed: false, state: tightest(before), degraded: false }
    }
    for (const limit of limits) add(kept, limit, now)
    const state = tightest(limits.map((limit) => stateOf(kept, limit, now)))
    const place = { limits, takenAtUs: now, source: 'process' } as const
    return { allowed: true, place, state, degraded: false }
  }

  return {
    take: async (limits) => take(limits),
    async giveBack({ limits, takenAtUs }) {
      for (const { key } of limits) kept.get(key)?.times.remove(takenAtUs)
    },
    async peek(limits) {
      assertLimits(limits)
      const now = clock()
      return tightest(limits.map((limit) => stateOf(kept, limit, now)))
    },
    degraded: false,
    async close() {
      kept.clear()
    },
    get keys() {
      return kept.size
    },
  }
}

function stateOf(
  kept: Map<string, Kept>,
  { key, limit, windowMs }: Limit,
  now: number,
): WindowState {
  const windowUs = windowMs * 1_000
  const times = timesInside(kept.get(key), windowUs, now)
  const size = times?.size ?? 0
  if (size < limit) return { limit, remaining: limit - size, windowMs, resetMs: 0 }
  // One more passes when fewer than N are inside: when the N-th newest leaves. At limit 0, never.
  const leavesAtUs = times && limit > 0 ? times.newest(limit) + windowUs : now + windowUs
  return { limit, remaining: 0, windowMs, resetMs: (leavesAtUs - now) / 1_000 }
}

function timesInside(entry: Kept | undefined, windowUs: number, now: number): Ring | undefined {
  if (entry === undefined) return undefined
  entry.times.forgetUntil(now - windowUs)
  // A window that has become longer needs what is remembered for longer.
  entry.forgetAtUs = Math.max(entry.forgetAtUs, now + windowUs)
  return entry.times
}

function add(kept: Map<string, Kept>, { key, windowMs }: Limit, now: number): void {
  const entry = kept.get(key) ?? { times: createRing(), forgetAtUs: 0 }
  entry.times.push(now)
  entry.forgetAtUs = now + windowMs * 1_000
  kept.set(key, entry)
}

/** Looks at the keys that waited longest for a look; those still in use queue up again. */
function forgetSome(kept: Map<string, Kept>, now: number): void {
  for (let looks = Math.min(LOOKS_PER_CALL, kept.size); looks > 0; looks--) {
    for (const [key, entry] of kept) {
      kept.delete(key)
      if (entry.forgetAtUs > now) kept.set(key, entry)
      break
    }
  }
}

/**
 * A clock that stands still where the one beneath it steps back. No accepted call is then later than
 * now, and none looks older than it is: a step back can only make a window stricter.
 */
function neverBackwards(nowUs: () => number): () => number {
  let shift = 0
  let last = Number.NEGATIVE_INFINITY
  return () => {
    const now = nowUs()
    if (now + shift < last) shift = last - now
    last = now + shift
    return last
  }
}

function monotonicUs(): number {
  return Math.floor(performance.now() * 1_000)
}
