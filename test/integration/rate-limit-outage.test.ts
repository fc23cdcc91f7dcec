// A Redis that dies, comes back empty, stops without dying, refuses or is not there yet: decisions go on
// at once, within the local rate limits, and never admit more than 2N in a time span.
import { afterEach, describe, expect, test } from 'bun:test'
import { Redis } from 'ioredis'
import { openRateLimiter } from '../../src/gate/rate-limit/open-rate-limiter.ts'
import type { RateLimit, RateLimiter } from '../../src/gate/rate-limit/rate-limiter.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'

const open: RateLimiter[] = []
const running: TestRedis[] = []
const said: string[] = []
const log = {
  info: (_: unknown, message?: string) => void said.push(message ?? String(_)),
  warn: (_: unknown, message?: string) => void said.push(message ?? String(_)),
}

const minute = (limit: number): RateLimit[] => [{ key: '{a}', limit, windowMs: 60_000 }]

async function start(port?: number): Promise<TestRedis> {
  const redis = await startRedis(port)
  running.push(redis)
  return redis
}

async function gateway(redisUrl: string, gateways: number): Promise<RateLimiter> {
  const limiter = await openRateLimiter({ redisUrl, gateways, prefix: 'outage:', log })
  open.push(limiter)
  return limiter
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 20_000
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error('it never came true')
    await Bun.sleep(10)
  }
}

async function passing(limiter: RateLimiter, limits: RateLimit[], calls: number): Promise<number> {
  let passed = 0
  for (let n = 0; n < calls; n++) passed += (await limiter.takePermit(limits)).allowed ? 1 : 0
  return passed
}

describe.skipIf(Bun.which('redis-server') === null)('a Redis', () => {
  afterEach(async () => {
    await Promise.all(open.splice(0).map((limiter) => limiter.close()))
    // A stopped process obeys nothing less than SIGKILL.
    await Promise.all(running.splice(0).map((redis) => redis.kill('SIGKILL')))
    said.length = 0
  })

  test('that is killed leaves each gateway its local rate limit, and is logged once', async () => {
    const redis = await start()
    const limiter = await gateway(redis.url, 1)
    await limiter.takePermit(minute(10))
    expect(limiter.degraded).toBe(false)
    await redis.kill('SIGKILL')
    const decision = await limiter.takePermit(minute(10))
    expect(decision).toMatchObject({ allowed: true, degraded: true, permit: { source: 'local' } })
    expect(limiter.degraded).toBe(true)
    expect(await passing(limiter, minute(10), 30)).toBe(9)
    expect(said).toHaveLength(1)
  })

  test('that is killed while calls are under way decides every one of them', async () => {
    const redis = await start()
    const limiter = await gateway(redis.url, 1)
    const calls = Array.from({ length: 200 }, () => limiter.takePermit(minute(20)))
    await redis.kill('SIGKILL')
    const decisions = await Promise.all(calls)
    const passed = decisions.filter((decision) => decision.allowed).length
    expect(passed).toBeGreaterThanOrEqual(20)
    expect(passed).toBeLessThanOrEqual(40)
  })

  test('that comes back empty never makes it more than 2N in a time span', async () => {
    const windowMs = 1_000
    const limits = [{ key: '{a}', limit: 20, windowMs }]
    const first = await start()
    const gateways = [await gateway(first.url, 2), await gateway(first.url, 2)]
    const times: number[] = []
    const sources: string[] = []
    async function callAll(): Promise<void> {
      for (const limiter of gateways) {
        const decision = await limiter.takePermit(limits)
        if (!decision.allowed) continue
        times.push(performance.now())
        sources.push(decision.permit.source)
      }
    }
    const count = (source: string) => sources.filter((each) => each === source).length

    await until(async () => {
      await gateways[0]?.peek(limits)
      await gateways[1]?.peek(limits)
      return gateways.every((limiter) => !limiter.degraded)
    })
    while (count('redis') < 20) await callAll()
    await first.kill('SIGKILL')
    while (count('local') < 20) await callAll()
    await start(first.port)
    await until(async () => {
      await callAll()
      return count('redis') >= 40
    })

    // Decisions are seen a little after they are made, so a slightly shorter time span is looked at.
    const seenMs = windowMs - 200
    const most = Math.max(
      ...times.map((from) => times.filter((at) => at >= from && at < from + seenMs).length),
    )
    expect(most).toBeLessThanOrEqual(40)
    expect(said).toContain('Redis replies again')
  })

  test('that stops without dying is never waited for twice', async () => {
    const redis = await start()
    const limiter = await gateway(redis.url, 1)
    await limiter.takePermit(minute(1_000))
    process.kill(redis.pid, 'SIGSTOP')
    const together = await Promise.all(
      Array.from({ length: 100 }, () => limiter.takePermit(minute(1_000))),
    )
    expect(together.every((decision) => decision.degraded)).toBe(true)
    // If each of these waited for Redis as the first ones did, the test would run out of time.
    expect(await passing(limiter, minute(10_000), 5_000)).toBe(5_000)
    await limiter.peek(minute(1_000))
  })

  test('that goes on after a stop is asked again, with all that it remembers', async () => {
    const redis = await start()
    const limiter = await gateway(redis.url, 1)
    expect(await passing(limiter, minute(3), 3)).toBe(3)
    process.kill(redis.pid, 'SIGSTOP')
    await until(async () => (await limiter.takePermit(minute(3))).degraded)
    process.kill(redis.pid, 'SIGCONT')
    await until(() => !limiter.degraded)
    expect(await limiter.takePermit(minute(3))).toMatchObject({ allowed: false, degraded: false })
  })

  test('is not taken for dead by a process that was busy itself', async () => {
    const redis = await start()
    const limiter = await gateway(redis.url, 1)
    for (let n = 0; n < 3; n++) {
      const call = limiter.takePermit(minute(10))
      const busyUntil = performance.now() + 300
      while (performance.now() < busyUntil);
      expect((await call).degraded).toBe(false)
    }
    expect(said).toEqual([])
  })

  test('that is not there at the start is found when it comes', async () => {
    const redis = await start()
    await redis.kill('SIGKILL')
    const limiter = await gateway(redis.url, 2)
    expect(limiter.degraded).toBe(true)
    expect((await limiter.takePermit(minute(10))).degraded).toBe(true)
    await start(redis.port)
    const short = [{ key: '{s}', limit: 10, windowMs: 300 }]
    await until(async () => !(await limiter.takePermit(short)).degraded)
  })

  test('that refuses to write is as good as none, until it writes again', async () => {
    const redis = await start()
    const limiter = await gateway(redis.url, 1)
    const admin = new Redis(redis.url)
    await admin.config('SET', 'maxmemory', '1')
    expect(await limiter.takePermit(minute(10))).toMatchObject({ allowed: true, degraded: true })
    await until(() => said.length > 0)
    expect(await passing(limiter, minute(10), 30)).toBe(9)
    expect(said).toHaveLength(1)
    await admin.config('SET', 'maxmemory', '0')
    await until(() => !limiter.degraded)
    admin.disconnect()
  })

  test('that has just started is trusted by one gateway single, by several after a time span', async () => {
    const redis = await start()
    const limits = [{ key: '{a}', limit: 10, windowMs: 400 }]
    const single = await gateway(redis.url, 1)
    expect((await single.takePermit(minute(10))).degraded).toBe(false)
    const oneOfTwo = await gateway(redis.url, 2)
    expect((await oneOfTwo.takePermit(limits)).degraded).toBe(true)
    await until(async () => !(await oneOfTwo.takePermit(limits)).degraded)
    expect((await oneOfTwo.takePermit(minute(10))).degraded).toBe(true)
  })

  test('that is away delays no close', async () => {
    const redis = await start()
    const limiter = await gateway(redis.url, 1)
    process.kill(redis.pid, 'SIGSTOP')
    await until(async () => (await limiter.takePermit(minute(10))).degraded)
    await limiter.close()
  })

  test('a permit under the local rate limit is returned to it', async () => {
    const redis = await start()
    const limiter = await gateway(redis.url, 1)
    await redis.kill('SIGKILL')
    const decision = await limiter.takePermit(minute(1))
    if (!decision.allowed) throw new Error('the call was refused')
    await limiter.returnPermit(decision.permit)
    expect((await limiter.takePermit(minute(1))).allowed).toBe(true)
  })

  test('a permit whose Redis is gone is returned without complaint', async () => {
    const redis = await start()
    const limiter = await gateway(redis.url, 1)
    const decision = await limiter.takePermit(minute(1))
    if (!decision.allowed) throw new Error('the call was refused')
    await redis.kill('SIGKILL')
    await limiter.returnPermit(decision.permit)
  })
})

describe('no Redis configured', () => {
  test('one gateway enforces the whole limit and is not degraded', async () => {
    const limiter = await openRateLimiter({ gateways: 1, prefix: 'outage:', log })
    expect(await passing(limiter, minute(10), 30)).toBe(10)
    expect(limiter.degraded).toBe(false)
    await limiter.close()
  })

  test('one of several enforces its local rate limit', async () => {
    const limiter = await openRateLimiter({ gateways: 3, prefix: 'outage:', log })
    expect(await passing(limiter, minute(10), 30)).toBe(3)
    expect(limiter.degraded).toBe(true)
    await limiter.close()
    said.length = 0
  })
})
