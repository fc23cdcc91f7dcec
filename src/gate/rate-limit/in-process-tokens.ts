/** Limits of tokens counted in this process: see token-limiter.ts. */
import { dropInTurns } from '../../lib/drop-in-turns.ts'
import type { RateLimit, RateLimitState } from './rate-limiter.ts'
import { assertLimits, stateNamed, tightest } from './rate-limits.ts'
import type { TokenLimiter } from './token-limiter.ts'

/** What a call took under one limit. */
export interface TakenHere {
  readonly counter: Counter
  readonly atUs: number
  tokens: number
  /** Its span has passed. */
  isOver: boolean
}

interface Counter {
  /** Oldest first. */
  readonly taken: TakenHere[]
  /** Of all that are taken. */
  sum: number
  dropAtUs: number
}

/** @param clock microseconds; it never steps back */
export function openInProcessTokens(clock: () => number): TokenLimiter {
  const counters = new Map<string, Counter>()
  const dropSome = dropInTurns(counters)

  function counterOf({ key, windowMs }: RateLimit, now: number): Counter {
    const counter = counters.get(key) ?? { taken: [], sum: 0, dropAtUs: 0 }
    counter.dropAtUs = Math.max(counter.dropAtUs, now + windowMs * 1_000)
    counters.set(key, counter)
    dropUntil(counter, now - windowMs * 1_000)
    return counter
  }

  const statesOf = (limits: readonly RateLimit[], tokens: number, now: number) =>
    limits.map((limit) => stateOf(counterOf(limit, now), limit, tokens, now))

  return {
    async take(limits, tokens) {
      assertTokens(limits, tokens)
      const now = clock()
      dropSome(({ dropAtUs }) => dropAtUs <= now)
      const before = statesOf(limits, tokens, now)
      if (before.some(({ remaining }) => remaining < tokens)) {
        return { allowed: false, state: tightest(before), degraded: false }
      }
      const held = limits.map((limit) => add(counterOf(limit, now), tokens, now))
      const state = tightest(statesOf(limits, 1, now))
      return { allowed: true, taken: { limits, tokens, held }, state, degraded: false }
    },
    async settle({ limits, tokens, held }, used) {
      if (typeof held === 'string') return
      if (used > tokens) {
        const now = clock()
        for (const limit of limits) add(counterOf(limit, now), used - tokens, now)
        return
      }
      for (const one of held) {
        if (!one.isOver) one.counter.sum -= one.tokens - used
        one.tokens = used
      }
    },
    async peek(limits) {
      assertLimits(limits)
      return tightest(statesOf(limits, 1, clock()))
    },
  }
}

/** @throws RangeError where nothing could be counted */
export function assertTokens(limits: readonly RateLimit[], tokens: number): void {
  assertLimits(limits)
  if (!Number.isSafeInteger(tokens) || tokens < 1) throw new RangeError(`no tokens: ${tokens}`)
}

function dropUntil(counter: Counter, edgeUs: number): void {
  const { taken } = counter
  let over = 0
  for (let first = taken[0]; first && first.atUs <= edgeUs; first = taken[over]) {
    counter.sum -= first.tokens
    first.isOver = true
    over++
  }
  if (over > 0) taken.splice(0, over)
}

function add(counter: Counter, tokens: number, atUs: number): TakenHere {
  const one = { counter, atUs, tokens, isOver: false }
  counter.taken.push(one)
  counter.sum += tokens
  return one
}

function stateOf(
  { taken, sum }: Counter,
  limit: RateLimit,
  tokens: number,
  now: number,
): RateLimitState {
  const left = Math.max(0, limit.limit - sum)
  if (tokens <= left) return stateNamed(limit, left, 0)
  // They pass when enough of what was taken first has left. More than the limit never do.
  let missing = sum + tokens - limit.limit
  let leavesAtUs = now
  for (const one of taken) {
    if (missing <= 0) break
    missing -= one.tokens
    leavesAtUs = one.atUs
  }
  const waitUs = missing > 0 ? limit.windowMs * 1_000 : leavesAtUs + limit.windowMs * 1_000 - now
  return stateNamed(limit, left, waitUs / 1_000)
}
