// The local rate limits of several gateways, and how far back a Redis is trusted.
import { describe, expect, test } from 'bun:test'
import { openInProcessLimiter } from '../../src/gate/rate-limit/in-process-limiter.ts'
import { openLocalLimiter } from '../../src/gate/rate-limit/local-rate-limit.ts'
import type { RateLimiter } from '../../src/gate/rate-limit/rate-limiter.ts'
import { trustIn } from '../../src/gate/rate-limit/redis-trust.ts'

const ten = [{ key: '{a}', limit: 10, windowMs: 60_000 }]

async function passing(limiter: RateLimiter, calls: number): Promise<number> {
  let passed = 0
  for (let n = 0; n < calls; n++) passed += (await limiter.takePermit(ten)).allowed ? 1 : 0
  return passed
}

describe('a local rate limit', () => {
  test('is the limit divided by the gateways, rounded down', async () => {
    expect(await passing(openLocalLimiter(1), 20)).toBe(10)
    expect(await passing(openLocalLimiter(3), 20)).toBe(3)
    expect(await passing(openLocalLimiter(4), 20)).toBe(2)
  })

  test('of a limit smaller than the number of gateways lets nothing through', async () => {
    expect(await passing(openLocalLimiter(11), 20)).toBe(0)
    const { state } = await openLocalLimiter(11).takePermit(ten)
    expect(state).toEqual({ limit: 0, remaining: 0, windowMs: 60_000, resetMs: 60_000 })
  })

  test('says that it is one', async () => {
    const limiter = openLocalLimiter(2)
    expect(limiter.degraded).toBe(true)
    const decision = await limiter.takePermit(ten)
    expect(decision).toMatchObject({ degraded: true, state: { limit: 5, remaining: 4 } })
    expect(decision).toMatchObject({ allowed: true, permit: { source: 'local' } })
    expect((await limiter.peek(ten)).remaining).toBe(4)
  })

  test('takes a permit back', async () => {
    const limiter = openLocalLimiter(5, openInProcessLimiter())
    const decision = await limiter.takePermit(ten)
    expect(await passing(limiter, 5)).toBe(1)
    if (decision.allowed) await limiter.returnPermit(decision.permit)
    expect(await passing(limiter, 5)).toBe(1)
  })
})

describe('a Redis is trusted', () => {
  const nowMs = 1_000_000
  const identity = { id: 'one', trustedForMs: 30_000 }

  test('as far back as it is up, when it is met for the first time', () => {
    expect(trustIn(identity, undefined, nowMs, false).trustedSinceMs).toBe(nowMs - 30_000)
  })

  test('as before, when the same one is met again', () => {
    const before = { id: 'one', trustedSinceMs: 5 }
    expect(trustIn(identity, before, nowMs, false)).toEqual(before)
  })

  test('from now on, when it is another one, however long that is up', () => {
    const before = { id: 'zero', trustedSinceMs: 5 }
    expect(trustIn(identity, before, nowMs, false)).toEqual({ id: 'one', trustedSinceMs: nowMs })
    expect(trustIn(identity, before, nowMs, true)).toEqual({ id: 'one', trustedSinceMs: nowMs })
  })

  test('at once by a lone gateway that has let nothing through by itself', () => {
    expect(trustIn(identity, undefined, nowMs, true).trustedSinceMs).toBe(Number.NEGATIVE_INFINITY)
  })
})
