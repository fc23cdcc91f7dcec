/**
 * Rate limits that all gateways count together in Redis, with a local rate limit while Redis cannot be asked.
 *
 * A call never waits for a lost Redis to come back. The first calls that find it silent wait about 75 ms; all
 * others are decided at once by the local rate limit. A connection is tried in the background until there is
 * one. redis-trust.ts says how many calls pass in the two ways together.
 *
 * Permits of busy accounts are prefetched, several in one question: see prefetched-permits.ts.
 *
 * A call that was under way when Redis fell silent may have taken a permit there that nobody returns. The
 * limit is then too strict until that permit's time span has passed, never too lax.
 */
import type { Logger } from 'pino'
import { openLocalLimiter } from './local-rate-limit.ts'
import { noPrefetch, type PermitBatch, PrefetchedPermits, unspend } from './prefetched-permits.ts'
import type {
  Permit,
  PermitDecision,
  RateLimit,
  RateLimiter,
  RateLimitState,
} from './rate-limiter.ts'
import { assertLimits, tightest } from './rate-limits.ts'
import { connectToRedis, type RedisConnection } from './redis-connection.ts'
import { type RedisTrust, trustIn } from './redis-trust.ts'

export type RateLimiterLog = Pick<Logger, 'info' | 'warn'>

const reconnectAfterMs = 250
/** How often prefetched permits are looked for that can be spent no more. */
const accountEveryMs = 250

/**
 * Waits for the first attempt to connect (at most about a second) and resolves also when it failed.
 *
 * @param options.gateways how many gateways enforce the limits together while Redis is away
 * @param options.prefix stands before every key; without braces, which mark the hash tag
 */
export async function openRedisLimiter(options: {
  redisUrl: string
  gateways: number
  prefix: string
  log: RateLimiterLog
}): Promise<RateLimiter> {
  const local = openLocalLimiter(options.gateways)
  let hasAdmittedLocally = false
  const redis = keepConnected(options, () => options.gateways === 1 && !hasAdmittedLocally)
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
      await redis.connection?.returnPermit(limits, takenAtUs).catch(unreachable)
    },
    async peek(limits) {
      const reply = await redis.trustedFor(limits)?.peek(limits).catch(unreachable)
      return reply === undefined ? local.peek(limits) : tightest(statesIn(reply, limits))
    },
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

/** The connection to Redis, made again whenever it is lost, and how far back it is trusted. */
interface ConnectedRedis {
  /** Resolves after the first attempt to connect. */
  readonly ready: Promise<void>
  readonly connection: RedisConnection | undefined
  /** The connection, when it leads to a Redis whose memory reaches as far back as these limits look. */
  trustedFor(limits: readonly RateLimit[]): RedisConnection | undefined
  readonly degraded: boolean
  close(): Promise<void>
}

/** @param isOnlyGateway whether no call can have been admitted beside Redis (see redis-trust.ts) */
function keepConnected(
  { redisUrl, prefix, log }: { redisUrl: string; prefix: string; log: RateLimiterLog },
  isOnlyGateway: () => boolean,
): ConnectedRedis {
  let connection: RedisConnection | undefined
  let trust: RedisTrust | undefined
  let maxWindowMs = 0
  let isLossLogged = false
  let isClosed = false
  let nextAttempt: ReturnType<typeof setTimeout> | undefined

  async function tryToConnect(): Promise<void> {
    try {
      const connected = await connectToRedis(redisUrl, prefix)
      if (isClosed) return connected.close()
      adopt(connected)
    } catch (error) {
      retryLater(error)
    }
  }

  function adopt(connected: RedisConnection): void {
    trust = trustIn(connected.identity, trust, performance.now(), isOnlyGateway())
    connection = connected
    if (isLossLogged) log.info('Redis replies again')
    isLossLogged = false
    connected.lost.then((reason) => {
      connection = undefined
      retryLater(reason)
    })
  }

  function retryLater(error: unknown): void {
    if (isClosed) return
    if (!isLossLogged)
      log.warn({ err: error }, 'no Redis: each gateway enforces its local rate limit')
    isLossLogged = true
    nextAttempt = setTimeout(tryToConnect, reconnectAfterMs)
  }

  function isTrusted(windowMs: number): boolean {
    return trust !== undefined && performance.now() - trust.trustedSinceMs >= windowMs
  }

  return {
    ready: tryToConnect(),
    get connection() {
      return connection
    },
    trustedFor(limits) {
      assertLimits(limits)
      const windowMs = Math.max(...limits.map((limit) => limit.windowMs))
      maxWindowMs = Math.max(maxWindowMs, windowMs)
      return isTrusted(windowMs) ? connection : undefined
    },
    get degraded() {
      return connection === undefined || !isTrusted(maxWindowMs)
    },
    async close() {
      isClosed = true
      clearTimeout(nextAttempt)
      connection?.close()
      await connection?.lost
    },
  }
}

/** What a failed command means here; the reason was logged when the connection was lost. */
function unreachable(): undefined {}

/** The script's reply: { allowed, time, prefetched, remaining, resetUs, remaining, resetUs, … }. */
function statesIn(reply: readonly number[], limits: readonly RateLimit[]): RateLimitState[] {
  return limits.map(({ limit, windowMs }, index) => ({
    limit,
    windowMs,
    remaining: reply[3 + index * 2] ?? 0,
    resetMs: (reply[4 + index * 2] ?? 0) / 1_000,
  }))
}
