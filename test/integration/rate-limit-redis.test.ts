// Rate limits in a real Redis: what several gateways decide together.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { openInProcessLimiter } from '../../src/gate/rate-limit/in-process-limiter.ts'
import { openRateLimiter } from '../../src/gate/rate-limit/open-rate-limiter.ts'
import type {
  Permit,
  PermitDecision,
  RateLimit,
  RateLimiter,
} from '../../src/gate/rate-limit/rate-limiter.ts'
import { testRedisUrl } from '../support/redis.ts'

const redisUrl = await testRedisUrl()
const log = { info() {}, warn() {} }
const prefix = `test-${crypto.randomUUID()}:`
const minuteMs = 60_000
let tests = 0

describe.skipIf(redisUrl === undefined)('rate limits in Redis', () => {
  let redis: Redis
  let one: RateLimiter
  let other: RateLimiter
  let key: string

  beforeAll(async () => {
    redis = new Redis(redisUrl ?? '')
    one = await openRateLimiter({ redisUrl, gateways: 1, prefix, log })
    other = await openRateLimiter({ redisUrl, gateways: 1, prefix, log })
  })
  beforeEach(() => {
    key = `{${++tests}}`
  })
  afterAll(async () => {
    await Promise.all([one?.close(), other?.close()])
    const keys = await redis.keys(`${prefix}*`)
    if (keys.length > 0) await redis.del(...keys)
    await redis.quit()
  })

  const perMinute = (limit: number): RateLimit[] => [{ key, limit, windowMs: minuteMs }]
  const timesOf = async (name = key) => (await redis.lrange(prefix + name, 0, -1)).map(Number)

  /** Makes what a key remembers older, or for negative milliseconds younger, than it is. */
  async function age(name: string, ms: number): Promise<void> {
    const times = await timesOf(name)
    if (times.length === 0) return
    await redis
      .multi()
      .del(prefix + name)
      .rpush(prefix + name, ...times.map((time) => time - ms * 1_000))
      .pexpire(prefix + name, 2 * minuteMs)
      .exec()
  }

  test('fifty calls at once over two clients: exactly the limit passes', async () => {
    const decisions = await Promise.all(
      Array.from({ length: 50 }, (_, n) => (n % 2 ? one : other).takePermit(perMinute(10))),
    )
    expect(decisions.filter((decision) => decision.allowed)).toHaveLength(10)
    expect(decisions.some((decision) => decision.degraded)).toBe(false)
    expect(await timesOf()).toHaveLength(10)
  })

  test('the decision says what is left and when one more passes', async () => {
    const first = await one.takePermit(perMinute(2))
    expect(first.state).toEqual({ limit: 2, remaining: 1, windowMs: minuteMs, resetMs: 0 })
    await age(key, 20_000)
    const last = await other.takePermit(perMinute(2))
    expect(last.state).toMatchObject({ remaining: 0 })
    expect(last.state.resetMs).toBeGreaterThan(30_000)
    expect(last.state.resetMs).toBeLessThanOrEqual(40_000)
    const refused = await one.takePermit(perMinute(2))
    expect(refused).toMatchObject({ allowed: false, degraded: false, state: { remaining: 0 } })
    expect(refused.state.resetMs).toBeLessThanOrEqual(last.state.resetMs)
  })

  test('a refused call uses nothing, nor does a peek', async () => {
    await one.takePermit(perMinute(1))
    const before = await timesOf()
    await one.takePermit(perMinute(1))
    expect((await one.peek(perMinute(3))).remaining).toBe(2)
    expect(await timesOf()).toEqual(before)
  })

  test('a permit that is returned can be taken by any gateway', async () => {
    await one.returnPermit(permitOf(await one.takePermit(perMinute(1))))
    expect(await redis.exists(prefix + key)).toBe(0)
    expect((await other.takePermit(perMinute(1))).allowed).toBe(true)
  })

  test('a permit under several limits counts under all or none, and is returned to all', async () => {
    const both = [...perMinute(5), { key: `${key}:k`, limit: 1, windowMs: minuteMs }]
    const taken = await one.takePermit(both)
    expect(taken.state).toMatchObject({ limit: 1, remaining: 0 })
    expect((await one.takePermit(both)).allowed).toBe(false)
    expect((await one.takePermit([...both].reverse())).allowed).toBe(false)
    expect(await timesOf()).toHaveLength(1)
    await one.returnPermit(permitOf(taken))
    expect(await timesOf()).toHaveLength(0)
    expect(await timesOf(`${key}:k`)).toHaveLength(0)
  })

  test('limit 0 lets nothing through', async () => {
    expect(await one.takePermit(perMinute(0))).toMatchObject({ allowed: false, degraded: false })
  })

  test('a limit that changes goes on counting what is still known', async () => {
    for (let n = 0; n < 5; n++) await one.takePermit(perMinute(5))
    expect((await one.takePermit(perMinute(2))).allowed).toBe(false)
    expect((await one.takePermit(perMinute(5))).allowed).toBe(false)
    expect((await one.takePermit(perMinute(6))).allowed).toBe(true)
    await age(key, 30_000)
    expect((await one.takePermit([{ key, limit: 6, windowMs: minuteMs / 2 }])).allowed).toBe(true)
  })

  test('a longer time span is remembered for longer', async () => {
    await one.takePermit([{ key, limit: 1, windowMs: 10_000 }])
    expect(await redis.pttl(prefix + key)).toBeLessThanOrEqual(10_001)
    expect((await one.takePermit(perMinute(1))).allowed).toBe(false)
    expect(await redis.pttl(prefix + key)).toBeGreaterThan(10_001)
  })

  test('entries later than now count as now, and lock nobody out for longer than a time span', async () => {
    await one.takePermit(perMinute(2))
    await one.takePermit(perMinute(2))
    await age(key, -3_600_000)
    const refused = await one.takePermit(perMinute(2))
    expect(refused.allowed).toBe(false)
    expect(refused.state.resetMs).toBeLessThanOrEqual(minuteMs)
    expect(await timesOf()).toHaveLength(2)
    await age(key, minuteMs)
    expect((await one.takePermit(perMinute(2))).state.remaining).toBe(1)
  })

  test('an entry that is one time span old is outside, a moment younger inside', async () => {
    await one.takePermit(perMinute(1))
    await age(key, minuteMs - 5_000)
    expect((await one.takePermit(perMinute(1))).allowed).toBe(false)
    await age(key, 5_000)
    expect((await one.takePermit(perMinute(1))).allowed).toBe(true)
  })

  test('what is older than the time span is dropped, all of it and nothing else', async () => {
    for (const inside of [0, 1, 2, 31, 32, 33, 63, 98, 99, 100]) {
      const name = `${key}:${inside}`
      const nowMs = Date.now()
      const ages = Array.from({ length: 100 }, (_, n) => (99.5 - n) * 1_000)
      await redis.rpush(prefix + name, ...ages.map((ageMs) => (nowMs - ageMs) * 1_000))
      const windowMs = Math.max(1, inside * 1_000)
      expect((await one.peek([{ key: name, limit: 100, windowMs }])).remaining).toBe(100 - inside)
      expect(await timesOf(name)).toHaveLength(inside)
    }
  })

  test('a limit of a thousand is about ten kilobytes', async () => {
    for (let n = 0; n < 10; n++) {
      await Promise.all(Array.from({ length: 101 }, () => one.takePermit(perMinute(1_000))))
    }
    expect(await timesOf()).toHaveLength(1_000)
    expect(await redis.memory('USAGE', prefix + key)).toBeLessThan(12_000)
  })

  test('memory goes away with the time span', async () => {
    await one.takePermit([{ key, limit: 1, windowMs: 50 }])
    while ((await redis.exists(prefix + key)) === 1) await Bun.sleep(5)
    expect((await one.takePermit([{ key, limit: 1, windowMs: 50 }])).allowed).toBe(true)
  })

  test('a Redis that has forgotten the script is sent it again', async () => {
    await one.takePermit(perMinute(2))
    await redis.script('FLUSH')
    const decisions = await Promise.all([
      one.takePermit(perMinute(2)),
      one.takePermit(perMinute(2)),
    ])
    expect(decisions.map((decision) => decision.allowed).sort()).toEqual([false, true])
    expect(decisions.some((decision) => decision.degraded)).toBe(false)
  })

  test('what is no limit is refused loudly, never as unlimited', async () => {
    expect(one.takePermit(perMinute(Number.NaN))).rejects.toBeInstanceOf(RangeError)
    expect(one.takePermit([])).rejects.toBeInstanceOf(RangeError)
    expect(one.degraded).toBe(false)
  })

  /**
   * Time is moved by ageing what Redis remembers, in steps too long for a slow machine to matter,
   * and never so that both limits open at the same moment.
   */
  test('decides as the limiter in a process does', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constant('take' as const),
          limit: fc.integer({ min: 1, max: 5 }),
          narrow: fc.boolean(),
        }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('giveBack' as const), nth: fc.nat(9) }) },
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constant('wait' as const),
          ms: fc.constantFrom(5_000, 20_000, 30_000, 60_000),
        }),
      },
    )
    let runs = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const account = `{property-${tests}-${++runs}}`
        let nowMs = 0
        const naive = openInProcessLimiter(() => nowMs * 1_000)
        const permits: { permit: Permit; naivePermit: Permit; atMs: number }[] = []
        for (const each of steps) {
          if (each.do === 'wait') {
            nowMs += each.ms
            for (const name of [account, `${account}:k`]) await age(name, each.ms)
          } else if (each.do === 'giveBack') {
            const [given] = permits.splice(each.nth % Math.max(1, permits.length), 1)
            if (given === undefined) continue
            const agedUs = (nowMs - given.atMs) * 1_000
            const takenAtUs = given.permit.takenAtUs - agedUs
            await one.returnPermit({ ...given.permit, takenAtUs })
            await naive.returnPermit(given.naivePermit)
          } else {
            const limits = [{ key: account, limit: each.limit, windowMs: minuteMs }]
            if (each.narrow) limits.push({ key: `${account}:k`, limit: 2, windowMs: 32_500 })
            const decision = await one.takePermit(limits)
            const expected = await naive.takePermit(limits)
            expect(decision.allowed).toBe(expected.allowed)
            expect(decision.state.limit).toBe(expected.state.limit)
            expect(decision.state.remaining).toBe(expected.state.remaining)
            expect(Math.abs(decision.state.resetMs - expected.state.resetMs)).toBeLessThan(5_000)
            if (decision.allowed && expected.allowed) {
              permits.push({ permit: decision.permit, naivePermit: expected.permit, atMs: nowMs })
            }
          }
        }
      }),
      { numRuns: 60 },
    )
  })
})

function permitOf(decision: PermitDecision): Permit {
  if (!decision.allowed) throw new Error('the call was refused')
  return decision.permit
}
