/** Permits that gateways prefetch from a real Redis: fewer questions, and never more than N calls in any time span. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { Redis } from 'ioredis'
import { openRateLimiter } from '../../src/gate/rate-limit/open-rate-limiter.ts'
import type { Permit, RateLimit, RateLimiter } from '../../src/gate/rate-limit/rate-limiter.ts'
import { seeded } from '../faults/random.ts'
import { testRedisUrl } from '../support/redis.ts'
import { until } from '../support/until.ts'

const redisUrl = await testRedisUrl()
const log = { info() {}, warn() {} }
const prefix = `test-${crypto.randomUUID()}:`
let tests = 0

describe.skipIf(redisUrl === undefined)('prefetched permits', () => {
  let redis: Redis
  let single: RateLimiter
  let several: RateLimiter[]
  /** Of gateways that stand still, and never account for what they took. */
  const silent: RateLimiter[] = []
  let key: string
  beforeAll(() => {
    redis = new Redis(redisUrl ?? '')
  })
  // Anew for each test: limiters that have given up Redis once, on a busy machine, go by local limits for a while.
  beforeEach(async () => {
    key = `{prefetched-${++tests}}`
    single = await openRateLimiter({ redisUrl, gateways: 1, prefix, log })
    several = await Promise.all(
      Array.from({ length: 3 }, () => openRateLimiter({ redisUrl, gateways: 3, prefix, log })),
    )
  })
  afterEach(async () => {
    const opened = [single, ...several, ...silent.splice(0)]
    await Promise.all(opened.map((limiter) => limiter.close()))
  })
  afterAll(async () => {
    const keys = await redis.keys(`${prefix}*`)
    if (keys.length > 0) await redis.del(...keys)
    await redis.quit()
  })

  const per = (windowMs: number, limit: number): RateLimit[] => [{ key, limit, windowMs }]
  const accepted = () => redis.lrange(prefix + key, 0, -1)
  const prefetched = () => redis.llen(`${prefix + key}:prefetched`)

  test('of a busy account are taken in few questions, and every call counts once', async () => {
    for (let n = 0; n < 200; n++) {
      expect((await single.takePermit(per(60_000, 1_000))).allowed).toBe(true)
    }
    await until(async () => (await prefetched()) === 0)
    const times = await accepted()
    expect(times).toHaveLength(200)
    expect(new Set(times).size).toBeLessThan(40)
  })

  test('say what is left as if each had been asked for', async () => {
    const left: number[] = []
    for (let n = 0; n < 60; n++) {
      left.push((await single.takePermit(per(60_000, 200))).state.remaining)
    }
    expect(left).toEqual(left.map((_, n) => 199 - n))
  })

  test('are not taken by half of the limit, so that the last call of it is sold', async () => {
    const limits = per(60_000, 100)
    let allowed = 0
    while ((await single.takePermit(limits)).allowed) allowed++
    expect(allowed).toBe(100)
    expect(await prefetched()).toBe(0)
  })

  test('are not taken of a small limit, nor by an account that calls now and then', async () => {
    const small = per(60_000, 49)
    for (let n = 0; n < 20; n++) await single.takePermit(small)
    expect(await redis.exists(`${prefix + key}:prefetched`)).toBe(0)
    key = `{prefetched-${++tests}}`
    for (let n = 0; n < 3; n++) {
      await single.takePermit(per(60_000, 1_000))
      await Bun.sleep(120)
    }
    expect(new Set(await accepted()).size).toBe(3)
    expect(await redis.exists(`${prefix + key}:prefetched`)).toBe(0)
  })

  test('are not taken for two calls at once, which are no sign of a third', async () => {
    const limits = per(60_000, 1_000)
    for (let n = 0; n < 2; n++) await single.takePermit(limits)
    expect(await accepted()).toHaveLength(2)
    expect(await redis.exists(`${prefix + key}:prefetched`)).toBe(0)
    await single.takePermit(limits)
    expect(await prefetched()).toBe(1)
  })

  test('are a tenth of a limit at most, however many keys share it and whoever took them', async () => {
    const account = { key, limit: 400, windowMs: 60_000 }
    const most: number[] = []
    for (let n = 0; n < 6; n++) {
      const limits = [account, { ...account, key: `${key}:key_${n}` }]
      const limiter = await openRateLimiter({ redisUrl, gateways: 1, prefix, log })
      for (let call = 0; call < 22; call++) await limiter.takePermit(limits)
      most.push(await prefetched())
      silent.push(limiter)
    }
    expect(Math.max(...most)).toBeGreaterThan(0)
    expect(Math.max(...most)).toBeLessThanOrEqual(40)
  })

  test('that are not spent are given back', async () => {
    const limits = per(3_000, 1_000)
    for (let n = 0; n < 6; n++) await single.takePermit(limits)
    expect(await prefetched()).toBeGreaterThan(0)
    await until(async () => (await prefetched()) === 0)
    expect(await accepted()).toHaveLength(6)
  })

  test('that a gateway took and never accounted for count until a time span after they could be spent', async () => {
    const limits = per(60_000, 100)
    const [seconds] = await redis.time()
    const takenBefore = async (secondsAgo: number) => {
      const stamp = (Number(seconds) - secondsAgo) * 1_000_000
      await redis.del(`${prefix + key}:prefetched`)
      await redis.rpush(`${prefix + key}:prefetched`, ...Array<number>(100).fill(stamp))
    }
    await takenBefore(60)
    expect((await single.takePermit(limits)).allowed).toBe(false)
    await takenBefore(63)
    expect((await single.takePermit(limits)).allowed).toBe(true)
  })

  test('are taken of several limits only as far as each of them allows', async () => {
    const several = [
      { key, limit: 1_000, windowMs: 60_000 },
      { key: `${key}:3600000`, limit: 45, windowMs: 3_600_000, name: '1h' },
    ]
    for (let n = 0; n < 30; n++) await single.takePermit(several)
    expect(await redis.exists(`${prefix + key}:prefetched`)).toBe(0)
    key = `{prefetched-${++tests}}`
    const wider = [
      { key, limit: 1_000, windowMs: 60_000 },
      { key: `${key}:3600000`, limit: 100, windowMs: 3_600_000, name: '1h' },
    ]
    const most: number[] = []
    for (let n = 0; n < 60; n++) {
      expect((await single.takePermit(wider)).allowed).toBe(true)
      most.push(await prefetched())
    }
    expect(Math.max(...most)).toBeGreaterThan(0)
    expect(Math.max(...most)).toBeLessThanOrEqual(10)
    let left = 0
    while ((await single.takePermit(wider)).allowed) left++
    expect(left).toBe(40)
  })

  test('can be returned, before they are accounted for and after', async () => {
    const limits = per(60_000, 1_000)
    const permits: Permit[] = []
    for (let n = 0; n < 50; n++) {
      const decision = await single.takePermit(limits)
      if (decision.allowed) permits.push(decision.permit)
    }
    expect(permits.filter(({ batch }) => batch)).not.toEqual([])
    for (const permit of permits) await single.returnPermit(permit)
    await until(async () => (await prefetched()) === 0)
    // A permit whose batch was being accounted for just then may stay.
    expect((await accepted()).length).toBeLessThanOrEqual(2)
  })

  test.each([
    ['', [[400, 300]]],
    [
      ' of each of three limits',
      [
        [150, 120],
        [400, 250],
        [2_000, 900],
      ],
    ],
  ] as const)(
    'never let more than N pass in any time span%s, by three gateways in bursts, and return what they take',
    async (_, spans) => {
      const seed = Math.floor(Math.random() * 2 ** 30)
      console.log(`seed ${seed}`)
      const random = seeded(seed)
      const limits = spans.map(([windowMs, limit], n) => ({
        ...{ key: n === 0 ? key : `${key}:${windowMs}`, limit, windowMs },
      }))
      const calls: { sentAtMs: number; doneAtMs: number }[] = []
      let [refused, degraded] = [0, 0]
      const endsAtMs = performance.now() + 4_000
      const client = async (limiter: RateLimiter) => {
        while (performance.now() < endsAtMs) {
          for (let n = random.int(1, 60); n > 0; n--) {
            const sentAtMs = performance.now()
            const decision = await limiter.takePermit(limits)
            const doneAtMs = performance.now()
            if (decision.degraded) degraded++
            if (!decision.allowed) refused++
            else if (random.int(0, 9) === 0) await limiter.returnPermit(decision.permit)
            else calls.push({ sentAtMs, doneAtMs })
          }
          await Bun.sleep(random.int(0, 80))
        }
      }
      await Promise.all(several.flatMap((limiter) => [client(limiter), client(limiter)]))
      expect(refused).toBeGreaterThan(0)
      calls.sort((a, b) => a.sentAtMs - b.sentAtMs)
      for (const [windowMs, limit] of spans) {
        expect(calls.length).toBeGreaterThan(limit)
        // N + 1 calls that began and were admitted within less than a time span would be too many.
        // Where a busy machine took Redis for dead for a moment, the local rate limits let as many pass again.
        const most = degraded > 0 ? 2 * limit : limit
        for (let first = 0; first + most < calls.length; first++) {
          const group = calls.slice(first, first + most + 1)
          const done = Math.max(...group.map(({ doneAtMs }) => doneAtMs))
          expect(done - (group[0]?.sentAtMs ?? 0)).toBeGreaterThanOrEqual(windowMs)
        }
      }
    },
  )
})
