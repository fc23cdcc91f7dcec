/** Limits of tokens that all gateways count together in Redis; while it is away each counts its local rate limit. */

import { assertTokens } from './in-process-tokens.ts'
import type { RateLimit, RateLimitState } from './rate-limiter.ts'
import { stateNamed, tightest } from './rate-limits.ts'
import type { RedisNodes } from './redis-nodes.ts'
import type { TokenLimiter, TokensDecision } from './token-limiter.ts'

/** @param onAdmitted is called when a call passed beside Redis */
export function openRedisTokens(
  redis: Pick<RedisNodes, 'connectionFor' | 'trustedFor'>,
  local: TokenLimiter,
  onAdmitted: () => void,
): TokenLimiter {
  // Names of this gateway's calls, apart from those of others.
  const gateway = crypto.randomUUID().slice(-12)
  let calls = 0
  /** What Redis could not be told of calls, by their names, until their spans are over. */
  const untold = new Map<string, Untold>()

  /** Telling it twice changes nothing. */
  async function tell(name: string, of: Untold): Promise<void> {
    const { limits, tokens, used } = of
    const isDone = await redis
      .connectionFor(limits)
      ?.settleTokens(limits, tokens, name, used)
      .then(() => true, unreachable)
    if (!isDone && of.untilMs > Date.now() && untold.size < mostUntold) untold.set(name, of)
  }

  function settleInRedis(limits: readonly RateLimit[], tokens: number, name: string, used: number) {
    const untilMs = Date.now() + Math.max(...limits.map(({ windowMs }) => windowMs))
    return tell(name, { limits, tokens, used, untilMs })
  }

  /** Some of it with each call that Redis has replied to. */
  function tellSome(): void {
    let left = 20
    for (const [name, of] of untold) {
      if (left-- === 0) return
      untold.delete(name)
      void tell(name, of)
    }
  }

  async function takeLocally(
    limits: readonly RateLimit[],
    tokens: number,
  ): Promise<TokensDecision> {
    const decision = await local.take(limits, tokens)
    if (decision.allowed) onAdmitted()
    return decision
  }

  return {
    async take(limits, tokens) {
      assertTokens(limits, tokens)
      const name = `${gateway}:${(calls++).toString(36)}`
      const connection = redis.trustedFor(limits)
      const reply = await connection?.takeTokens(limits, tokens, name).catch(unreachable)
      if (reply === undefined) {
        // Redis may have taken them before its reply was lost.
        if (connection) void settleInRedis(limits, tokens, name, 0)
        return takeLocally(limits, tokens)
      }
      if (untold.size > 0) tellSome()
      const state = tightest(statesIn(reply, limits))
      if (reply[0] !== 1) return { allowed: false, state, degraded: false }
      return { allowed: true, taken: { limits, tokens, held: name }, state, degraded: false }
    },
    async settle(taken, used) {
      const { limits, tokens, held } = taken
      if (typeof held !== 'string') return local.settle(taken, used)
      if (used === tokens) return
      await settleInRedis(limits, tokens, held, used)
    },
    async peek(limits) {
      const reply = await redis.trustedFor(limits)?.peekTokens(limits).catch(unreachable)
      return reply === undefined ? local.peek(limits) : tightest(statesIn(reply, limits))
    },
  }
}

interface Untold {
  readonly limits: readonly RateLimit[]
  readonly tokens: number
  readonly used: number
  readonly untilMs: number
}

/** Beyond so many, tokens come back with the end of their spans. */
const mostUntold = 10_000

/** What a failed command means here; the reason was logged when the connection was lost. */
function unreachable(): undefined {}

/** The script's reply: { allowed, remaining, resetUs, remaining, resetUs, … }. */
function statesIn(reply: readonly number[], limits: readonly RateLimit[]): RateLimitState[] {
  return limits.map((limit, index) =>
    stateNamed(limit, reply[1 + index * 2] ?? 0, (reply[2 + index * 2] ?? 0) / 1_000),
  )
}
