// The local shares of several gateways, and how far back a Redis is believed.
import { describe, expect, test } from 'bun:test'
import { processWindows } from '../../src/gate/rate-limit/in-process-limiter.ts'
import { shareWindows } from '../../src/gate/rate-limit/local-rate-limit.ts'
import type { Windows } from '../../src/gate/rate-limit/rate-limiter.ts'
import { memoryOf } from '../../src/gate/rate-limit/redis-trust.ts'

const ten = [{ key: '{a}', limit: 10, windowMs: 60_000 }]

async function passing(windows: Windows, calls: number): Promise<number> {
  let passed = 0
  for (let n = 0; n < calls; n++) passed += (await windows.take(ten)).allowed ? 1 : 0
  return passed
}

describe('a share', () => {
  test('is the limit divided by the gateways, rounded down', async () => {
    expect(await passing(shareWindows(1), 20)).toBe(10)
    expect(await passing(shareWindows(3), 20)).toBe(3)
    expect(await passing(shareWindows(4), 20)).toBe(2)
  })

  test('of a limit smaller than the number of gateways lets nothing through', async () => {
    expect(await passing(shareWindows(11), 20)).toBe(0)
    const { state } = await shareWindows(11).take(ten)
    expect(state).toEqual({ limit: 0, remaining: 0, windowMs: 60_000, resetMs: 60_000 })
  })

  test('says that it is one', async () => {
    const windows = shareWindows(2)
    expect(windows.degraded).toBe(true)
    const decision = await windows.take(ten)
    expect(decision).toMatchObject({ degraded: true, state: { limit: 5, remaining: 4 } })
    expect(decision).toMatchObject({ allowed: true, place: { source: 'share' } })
    expect((await windows.peek(ten)).remaining).toBe(4)
  })

  test('takes a place back', async () => {
    const windows = shareWindows(5, processWindows())
    const decision = await windows.take(ten)
    expect(await passing(windows, 5)).toBe(1)
    if (decision.allowed) await windows.giveBack(decision.place)
    expect(await passing(windows, 5)).toBe(1)
  })
})

describe('a Redis is believed', () => {
  const nowMs = 1_000_000
  const seen = { runId: 'one', uptimeMs: 30_000 }

  test('as far back as it is up, when it is met for the first time', () => {
    expect(memoryOf(seen, undefined, nowMs, false).wholeSinceMs).toBe(nowMs - 30_000)
  })

  test('as before, when the same one is met again', () => {
    const before = { runId: 'one', wholeSinceMs: 5 }
    expect(memoryOf(seen, before, nowMs, false)).toEqual(before)
  })

  test('from now on, when it is another one, however long that is up', () => {
    const before = { runId: 'zero', wholeSinceMs: 5 }
    expect(memoryOf(seen, before, nowMs, false)).toEqual({ runId: 'one', wholeSinceMs: nowMs })
    expect(memoryOf(seen, before, nowMs, true)).toEqual({ runId: 'one', wholeSinceMs: nowMs })
  })

  test('at once by a lone gateway that has let nothing through by itself', () => {
    expect(memoryOf(seen, undefined, nowMs, true).wholeSinceMs).toBe(Number.NEGATIVE_INFINITY)
  })
})
