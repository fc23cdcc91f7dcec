// A Redis that dies, comes back empty, stops without dying, refuses or is not there yet: decisions go on
// at once, within the gateways' shares, and never let more than 2N through in a window.
import { afterEach, describe, expect, test } from 'bun:test'
import { Redis } from 'ioredis'
import { openWindows } from '../../src/gate/rate-limit/open-rate-limiter.ts'
import type { Limit, Windows } from '../../src/gate/rate-limit/rate-limiter.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'

const open: Windows[] = []
const running: TestRedis[] = []
const said: string[] = []
const log = {
  info: (_: unknown, message?: string) => void said.push(message ?? String(_)),
  warn: (_: unknown, message?: string) => void said.push(message ?? String(_)),
}

const minute = (limit: number): Limit[] => [{ key: '{a}', limit, windowMs: 60_000 }]

async function start(port?: number): Promise<TestRedis> {
  const redis = await startRedis(port)
  running.push(redis)
  return redis
}

async function gateway(redisUrl: string, gateways: number): Promise<Windows> {
  const windows = await openWindows({ redisUrl, gateways, prefix: 'outage:', log })
  open.push(windows)
  return windows
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 20_000
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error('it never came true')
    await Bun.sleep(10)
  }
}

async function passing(windows: Windows, limits: Limit[], calls: number): Promise<number> {
  let passed = 0
  for (let n = 0; n < calls; n++) passed += (await windows.take(limits)).allowed ? 1 : 0
  return passed
}

describe.skipIf(Bun.which('redis-server') === null)('a Redis', () => {
  afterEach(async () => {
    await Promise.all(open.splice(0).map((windows) => windows.close()))
    // A stopped process obeys nothing less than SIGKILL.
    await Promise.all(running.splice(0).map((redis) => redis.kill('SIGKILL')))
    said.length = 0
  })

  test('that is killed leaves each gateway its share, and says so once', async () => {
    const redis = await start()
    const windows = await gateway(redis.url, 1)
    await windows.take(minute(10))
    expect(windows.degraded).toBe(false)
    await redis.kill('SIGKILL')
    const decision = await windows.take(minute(10))
    expect(decision).toMatchObject({ allowed: true, degraded: true, place: { source: 'share' } })
    expect(windows.degraded).toBe(true)
    expect(await passing(windows, minute(10), 30)).toBe(9)
    expect(said).toHaveLength(1)
  })

  test('that is killed while calls are under way decides every one of them', async () => {
    const redis = await start()
    const windows = await gateway(redis.url, 1)
    const calls = Array.from({ length: 200 }, () => windows.take(minute(20)))
    await redis.kill('SIGKILL')
    const decisions = await Promise.all(calls)
    const passed = decisions.filter((decision) => decision.allowed).length
    expect(passed).toBeGreaterThanOrEqual(20)
    expect(passed).toBeLessThanOrEqual(40)
  })

  test('that comes back empty never makes it more than 2N in a window', async () => {
    const windowMs = 1_000
    const limits = [{ key: '{a}', limit: 20, windowMs }]
    const first = await start()
    const gateways = [await gateway(first.url, 2), await gateway(first.url, 2)]
    const times: number[] = []
    const sources: string[] = []
    async function callAll(): Promise<void> {
      for (const windows of gateways) {
        const decision = await windows.take(limits)
        if (!decision.allowed) continue
        times.push(performance.now())
        sources.push(decision.place.source)
      }
    }
    const count = (source: string) => sources.filter((each) => each === source).length

    await until(async () => {
      await gateways[0]?.peek(limits)
      await gateways[1]?.peek(limits)
      return gateways.every((windows) => !windows.degraded)
    })
    while (count('redis') < 20) await callAll()
    await first.kill('SIGKILL')
    while (count('share') < 20) await callAll()
    await start(first.port)
    await until(async () => {
      await callAll()
      return count('redis') >= 40
    })

    // Decisions are seen a little after they are made, so a slightly shorter window is looked at.
    const seenMs = windowMs - 200
    const most = Math.max(
      ...times.map((from) => times.filter((at) => at >= from && at < from + seenMs).length),
    )
    expect(most).toBeLessThanOrEqual(40)
    expect(said).toContain('Redis answers again')
  })

  test('that stops without dying is never waited for twice', async () => {
    const redis = await start()
    const windows = await gateway(redis.url, 1)
    await windows.take(minute(1_000))
    process.kill(redis.pid, 'SIGSTOP')
    const together = await Promise.all(
      Array.from({ length: 100 }, () => windows.take(minute(1_000))),
    )
    expect(together.every((decision) => decision.degraded)).toBe(true)
    // If each of these waited for Redis as the first ones did, the test would run out of time.
    expect(await passing(windows, minute(10_000), 5_000)).toBe(5_000)
    await windows.peek(minute(1_000))
  })

  test('that goes on after a stop is asked again, with all that it remembers', async () => {
    const redis = await start()
    const windows = await gateway(redis.url, 1)
    expect(await passing(windows, minute(3), 3)).toBe(3)
    process.kill(redis.pid, 'SIGSTOP')
    await until(async () => (await windows.take(minute(3))).degraded)
    process.kill(redis.pid, 'SIGCONT')
    await until(() => !windows.degraded)
    expect(await windows.take(minute(3))).toMatchObject({ allowed: false, degraded: false })
  })

  test('is not taken for dead by a process that was busy itself', async () => {
    const redis = await start()
    const windows = await gateway(redis.url, 1)
    for (let n = 0; n < 3; n++) {
      const call = windows.take(minute(10))
      const busyUntil = performance.now() + 300
      while (performance.now() < busyUntil);
      expect((await call).degraded).toBe(false)
    }
    expect(said).toEqual([])
  })

  test('that is not there at the start is found when it comes', async () => {
    const redis = await start()
    await redis.kill('SIGKILL')
    const windows = await gateway(redis.url, 2)
    expect(windows.degraded).toBe(true)
    expect((await windows.take(minute(10))).degraded).toBe(true)
    await start(redis.port)
    const short = [{ key: '{s}', limit: 10, windowMs: 300 }]
    await until(async () => !(await windows.take(short)).degraded)
  })

  test('that refuses to write is as good as none, until it writes again', async () => {
    const redis = await start()
    const windows = await gateway(redis.url, 1)
    const admin = new Redis(redis.url)
    await admin.config('SET', 'maxmemory', '1')
    expect(await windows.take(minute(10))).toMatchObject({ allowed: true, degraded: true })
    await until(() => said.length > 0)
    expect(await passing(windows, minute(10), 30)).toBe(9)
    expect(said).toHaveLength(1)
    await admin.config('SET', 'maxmemory', '0')
    await until(() => !windows.degraded)
    admin.disconnect()
  })

  test('that has just started is believed by one gateway alone, by several after a window', async () => {
    const redis = await start()
    const limits = [{ key: '{a}', limit: 10, windowMs: 400 }]
    const alone = await gateway(redis.url, 1)
    expect((await alone.take(minute(10))).degraded).toBe(false)
    const oneOfTwo = await gateway(redis.url, 2)
    expect((await oneOfTwo.take(limits)).degraded).toBe(true)
    await until(async () => !(await oneOfTwo.take(limits)).degraded)
    expect((await oneOfTwo.take(minute(10))).degraded).toBe(true)
  })

  test('that is away holds nobody up who closes', async () => {
    const redis = await start()
    const windows = await gateway(redis.url, 1)
    process.kill(redis.pid, 'SIGSTOP')
    await until(async () => (await windows.take(minute(10))).degraded)
    await windows.close()
  })

  test('a place taken from the share goes back to the share', async () => {
    const redis = await start()
    const windows = await gateway(redis.url, 1)
    await redis.kill('SIGKILL')
    const decision = await windows.take(minute(1))
    if (!decision.allowed) throw new Error('the call was refused')
    await windows.giveBack(decision.place)
    expect((await windows.take(minute(1))).allowed).toBe(true)
  })

  test('a place whose Redis is gone is given back without complaint', async () => {
    const redis = await start()
    const windows = await gateway(redis.url, 1)
    const decision = await windows.take(minute(1))
    if (!decision.allowed) throw new Error('the call was refused')
    await redis.kill('SIGKILL')
    await windows.giveBack(decision.place)
  })
})

describe('no Redis configured', () => {
  test('one gateway enforces the whole limit and is not degraded', async () => {
    const windows = await openWindows({ gateways: 1, prefix: 'outage:', log })
    expect(await passing(windows, minute(10), 30)).toBe(10)
    expect(windows.degraded).toBe(false)
    await windows.close()
  })

  test('one of several enforces its share', async () => {
    const windows = await openWindows({ gateways: 3, prefix: 'outage:', log })
    expect(await passing(windows, minute(10), 30)).toBe(3)
    expect(windows.degraded).toBe(true)
    await windows.close()
    said.length = 0
  })
})
