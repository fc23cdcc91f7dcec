/**
 * Rate limits that all gateways count together in Redis, with a local rate limit while Redis cannot be asked.
 *
 * A call never waits for a lost Redis to come back. The first calls that find it silent wait about 75 ms; all
 * others are decided at once by the local rate limit. A connection is tried in the background until there is
 * one. redis-trust.ts says how many calls pass in the two ways together. Which of several servers decides a limit,
 * redis-nodes.ts knows.
 *
 * Permits of busy accounts are prefetched, several in one question: see prefetched-permits.ts.
 *
 * A call that was under way when Redis fell silent may have taken a permit there that nobody returns. The
 * limit is then too strict until that permit's time span has passed, never too lax.
 */
import type { RedisAddress } from '../../config/redis-url.ts'
import { openLocalLimiter } from './local-rate-limit.ts'
import { noPrefetch, type PermitBatch, PrefetchedPermits, unspend } from './prefetched-permits.ts'
import type {
  Permit,
  PermitDecision,
  RateLimit,
  RateLimiter,
  RateLimitState,
} from './rate-limiter.ts'
import { stateNamed, tightest } from './rate-limits.ts'
import { connectToMasters, type RateLimiterLog } from './redis-nodes.ts'
import { openRedisTokens } from './redis-tokens.ts'

/** How often prefetched permits are looked for that can be spent no more. */
const accountEveryMs = 250

/**
 * Waits for the first attempt to connect (at most about two seconds) and resolves also when it failed.
 *
 * @param options.gateways how many gateways enforce the limits together while Redis is away
 * @param options.prefix stands before every key; without braces, which mark the hash tag
 */
export async function openRedisLimiter(options: {
  address: RedisAddress
  gateways: number
  prefix: string
  log: RateLimiterLog
}): Promise<RateLimiter> {
  const local = openLocalLimiter(options.gateways)
  let hasAdmittedLocally = false
  const redis = connectToMasters(options, () => options.gateways === 1 && !hasAdmittedLocally)
  const prefetched = new PrefetchedPermits(options.gateways)
  const accounting = setInterval(
    () => accountFor(prefetched.takeOverdue(performance.now())),
    accountEveryMs,
  )
  await redis.ready

  /** Tells Redis what became of prefetched permits. */
  async function accountFor(batches: readonly PermitBatch[]): Promise<void> {
    await Promise.all(
      batches.map(async (batch) => {
        const question = { ...noPrefetch(batch.limits), accounted: batch }
        const reply = await batch.connection.account(batch.limits, question).catch(unreachable)
        batch.accountedAtUs = reply?.[1]
      }),
    )
  }

  async function decideLocally(limits: readonly RateLimit[]): Promise<PermitDecision> {
    const decision = await local.takePermit(limits)
    hasAdmittedLocally ||= decision.allowed
    return decision
  }

  return {
    async takePermit(limits) {
      const connection = redis.trustedFor(limits)
      if (connection === undefined) return decideLocally(limits)
      const askedAtMs = performance.now()
      const spent = prefetched.spend(limits, connection, askedAtMs)
      if (spent) return spent
      const question = prefetched.question(limits, connection, askedAtMs)
      const reply = await connection.takePermit(limits, question).catch(unreachable)
      const state = reply && tightest(statesIn(reply, limits))
      prefetched.onReply(limits, connection, question, reply, state, askedAtMs)
      if (!reply || !state) return decideLocally(limits)
      if (reply[0] !== 1) return { allowed: false, state, degraded: false }
      const permit: Permit = { limits, takenAtUs: reply[1] ?? 0, source: 'redis' }
      return { allowed: true, permit, state, degraded: false }
    },
    async returnPermit(permit) {
      if (permit.source === 'local') return local.returnPermit(permit)
      const { limits, batch } = permit
      if (batch && unspend(batch)) return
      const takenAtUs = batch ? batch.accountedAtUs : permit.takenAtUs
      if (takenAtUs === undefined) return
      await redis.connectionFor(limits)?.returnPermit(limits, takenAtUs).catch(unreachable)
    },
    async peek(limits) {
      const reply = await redis.trustedFor(limits)?.peek(limits).catch(unreachable)
      return reply === undefined ? local.peek(limits) : tightest(statesIn(reply, limits))
    },
    tokens: openRedisTokens(redis, local.tokens, () => {
      hasAdmittedLocally = true
    }),
    get degraded() {
      return redis.degraded
    },
    async close() {
      clearInterval(accounting)
      await accountFor(prefetched.takeAll())
      await redis.close()
      await local.close()
    },
  }
}

/** What a failed command means here; the reason was logged when the connection was lost. */
function unreachable(): undefined {}

/** The script's reply: { allowed, time, prefetched, remaining, resetUs, remaining, resetUs, … }. */
function statesIn(reply: readonly number[], limits: readonly RateLimit[]): RateLimitState[] {
  return limits.map((limit, index) =>
    stateNamed(limit, reply[3 + index * 2] ?? 0, (reply[4 + index * 2] ?? 0) / 1_000),
  )
}
