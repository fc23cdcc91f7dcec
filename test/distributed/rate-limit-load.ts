/** Calls of several gateways for several accounts, as fast as they go, and what was admitted of them. */
import { openRateLimiter } from '../../src/gate/rate-limit/open-rate-limiter.ts'
import type { RateLimit, RateLimiter } from '../../src/gate/rate-limit/rate-limiter.ts'
import { until } from '../support/until.ts'

export interface Decided {
  readonly account: string
  readonly atMs: number
  readonly tookMs: number
  readonly allowed: boolean
  readonly degraded: boolean
}

export interface RateLimitLoad {
  readonly decided: readonly Decided[]
  /** What was thrown instead of a decision: nothing ever should be. */
  readonly failed: readonly unknown[]
  stop(): Promise<void>
}

export const prefix = 'tollbook:'

export const tagOf = (account: string) => `{${account}:live}`

/** The limits of a call: the account's, and a key's of its own. */
export function limitsOf(account: string, limit: number, windowMs: number): RateLimit[] {
  const key = tagOf(account)
  return [
    { key, limit, windowMs },
    { key: `${key}:key_1`, limit, windowMs },
  ]
}

export function openGateways(redisUrl: string, count: number): Promise<RateLimiter[]> {
  const log = { info() {}, warn() {} }
  return Promise.all(
    Array.from({ length: count }, () =>
      openRateLimiter({ redisUrl, gateways: count, prefix, log }),
    ),
  )
}

/** Each gateway takes a permit of each account every few milliseconds, until it is stopped. */
export function startLoad(
  gateways: readonly RateLimiter[],
  accounts: readonly string[],
  { limit, windowMs }: { limit: number; windowMs: number },
): RateLimitLoad {
  const decided: Decided[] = []
  const failed: unknown[] = []
  let isStopped = false

  async function call(gateway: RateLimiter, account: string): Promise<void> {
    const begunMs = performance.now()
    try {
      const { allowed, degraded } = await gateway.takePermit(limitsOf(account, limit, windowMs))
      const atMs = performance.now()
      decided.push({ account, atMs, tookMs: atMs - begunMs, allowed, degraded })
    } catch (error) {
      failed.push(error)
    }
  }

  async function run(gateway: RateLimiter): Promise<void> {
    while (!isStopped) {
      await Promise.all(accounts.map((account) => call(gateway, account)))
      await Bun.sleep(10)
    }
  }

  const ended = Promise.all(gateways.map(run))
  return {
    decided,
    failed,
    async stop() {
      isStopped = true
      await ended
    },
  }
}

/** The most calls of one account that passed in one time span. */
export function mostInSpan(decided: readonly Decided[], account: string, spanMs: number): number {
  const times = decided
    .filter((each) => each.allowed && each.account === account)
    .map((each) => each.atMs)
  times.sort((one, other) => one - other)
  let most = 0
  let from = 0
  for (let to = 0; to < times.length; to++) {
    while ((times[to] ?? 0) - (times[from] ?? 0) >= spanMs) from++
    most = Math.max(most, to - from + 1)
  }
  return most
}

/** For how long one account's calls were decided by local rate limits without a break. */
export function longestDegraded(decided: readonly Decided[], account: string): number {
  let longest = 0
  let beganMs: number | undefined
  for (const { account: each, degraded, atMs } of decided) {
    if (each !== account) continue
    if (!degraded) beganMs = undefined
    else {
      beganMs ??= atMs
      longest = Math.max(longest, atMs - beganMs)
    }
  }
  return longest
}

/** Waits for something to be seen of the load. It is in the same process, which must not be busy with looking. */
export function untilSeen(condition: () => boolean | Promise<boolean>): Promise<void> {
  return until(condition, 60_000, 50)
}
