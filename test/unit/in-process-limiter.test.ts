// The rate limiter in one process, on a clock that the test moves by hand.
import { describe, expect, test } from 'bun:test'
import { openInProcessLimiter } from '../../src/gate/rate-limit/in-process-limiter.ts'
import type { PermitDecision, RateLimit } from '../../src/gate/rate-limit/rate-limiter.ts'

const limitOf = (limit: number, windowMs = 1_000, key = '{a}'): RateLimit => ({
  key,
  limit,
  windowMs,
})

function limiterAt(startMs = 0) {
  const clock = { ms: startMs }
  return { clock, limiter: openInProcessLimiter(() => clock.ms * 1_000) }
}

function permitOf(decision: PermitDecision) {
  if (!decision.allowed) throw new Error('the call was refused')
  return decision.permit
}

describe('a rate limit', () => {
  test('lets N calls through and refuses the next', async () => {
    const { limiter } = limiterAt()
    for (const remaining of [2, 1, 0]) {
      const decision = await limiter.takePermit([limitOf(3)])
      expect(decision).toMatchObject({ allowed: true, degraded: false, state: { remaining } })
    }
    expect(await limiter.takePermit([limitOf(3)])).toMatchObject({ allowed: false })
  })

  test('admits another call when the oldest one is exactly one time span old', async () => {
    const { clock, limiter } = limiterAt()
    await limiter.takePermit([limitOf(1)])
    clock.ms = 999.999
    expect((await limiter.takePermit([limitOf(1)])).allowed).toBe(false)
    clock.ms = 1_000
    expect((await limiter.takePermit([limitOf(1)])).allowed).toBe(true)
  })

  test('admits calls again one by one, as the earlier ones were accepted', async () => {
    const { clock, limiter } = limiterAt()
    await limiter.takePermit([limitOf(2)])
    clock.ms = 600
    await limiter.takePermit([limitOf(2)])
    clock.ms = 1_000
    expect((await limiter.takePermit([limitOf(2)])).allowed).toBe(true)
    expect((await limiter.takePermit([limitOf(2)])).allowed).toBe(false)
  })

  test('says when one more call would pass', async () => {
    const { clock, limiter } = limiterAt()
    expect((await limiter.peek([limitOf(2)])).resetMs).toBe(0)
    await limiter.takePermit([limitOf(2)])
    clock.ms = 300
    const last = await limiter.takePermit([limitOf(2)])
    expect(last.state).toEqual({ limit: 2, remaining: 0, windowMs: 1_000, resetMs: 700 })
    clock.ms = 400
    expect((await limiter.takePermit([limitOf(2)])).state.resetMs).toBe(600)
  })

  test('is not touched by a refused call', async () => {
    const { clock, limiter } = limiterAt()
    await limiter.takePermit([limitOf(1)])
    for (clock.ms = 100; clock.ms < 1_000; clock.ms += 100) await limiter.takePermit([limitOf(1)])
    clock.ms = 1_000
    expect((await limiter.takePermit([limitOf(1)])).allowed).toBe(true)
  })

  test('is not touched by a peek', async () => {
    const { limiter } = limiterAt()
    await limiter.takePermit([limitOf(2)])
    for (let n = 0; n < 5; n++) {
      expect((await limiter.peek([limitOf(2)])).remaining).toBe(1)
    }
  })

  test('lets nothing through at limit 0', async () => {
    const { limiter } = limiterAt()
    const decision = await limiter.takePermit([limitOf(0)])
    expect(decision).toMatchObject({ allowed: false, state: { remaining: 0, resetMs: 1_000 } })
  })

  test('of one key says nothing about another', async () => {
    const { limiter } = limiterAt()
    await limiter.takePermit([limitOf(1, 1_000, '{a}')])
    expect((await limiter.takePermit([limitOf(1, 1_000, '{b}')])).allowed).toBe(true)
  })
})

describe('a permit that is returned', () => {
  test('is free for the next call', async () => {
    const { limiter } = limiterAt()
    const decision = await limiter.takePermit([limitOf(1)])
    await limiter.returnPermit(permitOf(decision))
    expect((await limiter.takePermit([limitOf(1)])).allowed).toBe(true)
    expect((await limiter.takePermit([limitOf(1)])).allowed).toBe(false)
  })

  test('is the one that was taken, not an older or a newer one', async () => {
    const { clock, limiter } = limiterAt()
    await limiter.takePermit([limitOf(3)])
    clock.ms = 100
    const middle = await limiter.takePermit([limitOf(3)])
    clock.ms = 200
    await limiter.takePermit([limitOf(3)])
    await limiter.returnPermit(permitOf(middle))
    clock.ms = 1_000
    expect((await limiter.peek([limitOf(3)])).remaining).toBe(2)
    clock.ms = 1_199
    expect((await limiter.peek([limitOf(3)])).remaining).toBe(2)
    clock.ms = 1_200
    expect((await limiter.peek([limitOf(3)])).remaining).toBe(3)
  })

  test('after its time span has passed admits no more', async () => {
    const { clock, limiter } = limiterAt()
    const old = await limiter.takePermit([limitOf(1)])
    clock.ms = 1_000
    await limiter.takePermit([limitOf(1)])
    await limiter.returnPermit(permitOf(old))
    expect((await limiter.takePermit([limitOf(1)])).allowed).toBe(false)
  })
})

describe('several limits', () => {
  const account = limitOf(3, 1_000, '{a}')
  const key = limitOf(1, 5_000, '{a}:k')

  test('are taken all or none', async () => {
    const { limiter } = limiterAt()
    await limiter.takePermit([account, key])
    expect((await limiter.takePermit([account, key])).allowed).toBe(false)
    expect((await limiter.takePermit([key, account])).allowed).toBe(false)
    expect((await limiter.peek([account])).remaining).toBe(2)
  })

  test('are given back together', async () => {
    const { limiter } = limiterAt()
    await limiter.returnPermit(permitOf(await limiter.takePermit([account, key])))
    expect((await limiter.peek([account])).remaining).toBe(3)
    expect((await limiter.peek([key])).remaining).toBe(1)
  })

  test('give the state of the one that makes the client wait longest', async () => {
    const { clock, limiter } = limiterAt()
    expect((await limiter.takePermit([account, key])).state).toMatchObject({
      limit: 1,
      resetMs: 5_000,
    })
    await limiter.takePermit([account])
    await limiter.takePermit([account])
    clock.ms = 10
    expect((await limiter.takePermit([account, key])).state).toMatchObject({
      limit: 1,
      resetMs: 4_990,
    })
  })

  test('that are not reached give the state with the fewest calls left', async () => {
    const { limiter } = limiterAt()
    expect((await limiter.peek([account, { ...key, limit: 2 }])).limit).toBe(2)
    expect((await limiter.peek([{ ...key, limit: 9 }, account])).limit).toBe(3)
  })
})

describe('a limit that changes', () => {
  test('down holds at once, and counts the calls above it', async () => {
    const { clock, limiter } = limiterAt()
    for (clock.ms = 0; clock.ms < 5; clock.ms++) await limiter.takePermit([limitOf(5)])
    const refused = await limiter.takePermit([limitOf(2)])
    // Taken at 0, 1, 2, 3, 4: fewer than two are inside when the one of 3 has left.
    expect(refused).toMatchObject({ allowed: false, state: { remaining: 0, resetMs: 998 } })
    clock.ms = 1_002
    expect((await limiter.takePermit([limitOf(2)])).allowed).toBe(false)
    clock.ms = 1_003
    expect((await limiter.takePermit([limitOf(2)])).allowed).toBe(true)
  })

  test('down and up again has forgotten nothing', async () => {
    const { limiter } = limiterAt()
    for (let n = 0; n < 5; n++) await limiter.takePermit([limitOf(5)])
    await limiter.takePermit([limitOf(1)])
    expect((await limiter.takePermit([limitOf(5)])).allowed).toBe(false)
    expect(await limiter.takePermit([limitOf(6)])).toMatchObject({ allowed: true })
    expect((await limiter.takePermit([limitOf(6)])).allowed).toBe(false)
  })

  test('to a longer time span counts what is still known', async () => {
    const { clock, limiter } = limiterAt()
    await limiter.takePermit([limitOf(2, 1_000)])
    clock.ms = 900
    await limiter.takePermit([limitOf(2, 1_000)])
    expect((await limiter.takePermit([limitOf(2, 3_000)])).allowed).toBe(false)
    clock.ms = 2_999
    expect((await limiter.takePermit([limitOf(2, 3_000)])).allowed).toBe(false)
    clock.ms = 3_000
    expect((await limiter.takePermit([limitOf(2, 3_000)])).allowed).toBe(true)
  })

  test('to a shorter time span counts what is inside it', async () => {
    const { clock, limiter } = limiterAt()
    await limiter.takePermit([limitOf(1, 3_000)])
    clock.ms = 1_000
    expect((await limiter.takePermit([limitOf(1, 3_000)])).allowed).toBe(false)
    expect((await limiter.takePermit([limitOf(1, 1_000)])).allowed).toBe(true)
  })
})

describe('a clock that steps back', () => {
  test('lets no more through', async () => {
    const { clock, limiter } = limiterAt(10_000)
    await limiter.takePermit([limitOf(2)])
    clock.ms = 5_000
    expect((await limiter.takePermit([limitOf(2)])).allowed).toBe(true)
    clock.ms = 5_999
    expect((await limiter.takePermit([limitOf(2)])).allowed).toBe(false)
  })

  test('locks nobody out for longer than a time span', async () => {
    const { clock, limiter } = limiterAt(10_000_000)
    await limiter.takePermit([limitOf(1)])
    clock.ms = 0
    expect((await limiter.takePermit([limitOf(1)])).allowed).toBe(false)
    clock.ms = 1_000
    expect((await limiter.takePermit([limitOf(1)])).allowed).toBe(true)
  })
})

describe('memory', () => {
  test('keeps no key whose time span has passed', async () => {
    const { clock, limiter } = limiterAt()
    for (let n = 0; n < 1_000; n++) await limiter.takePermit([limitOf(1, 1_000, `{${n}}`)])
    expect(limiter.keys).toBe(1_000)
    clock.ms = 2_000
    for (let n = 0; n < 300; n++) await limiter.takePermit([limitOf(10_000)])
    expect(limiter.keys).toBe(1)
  })

  test('keeps the keys that are still in use', async () => {
    const { clock, limiter } = limiterAt()
    await limiter.takePermit([limitOf(1, 60_000, '{long}')])
    for (; clock.ms < 5_000; clock.ms += 10) {
      await limiter.takePermit([limitOf(1, 100, `{${clock.ms}}`)])
      expect(limiter.keys).toBeLessThan(30)
    }
    expect((await limiter.takePermit([limitOf(1, 60_000, '{long}')])).allowed).toBe(false)
  })

  test('grows with the calls inside the time span and stays in order', async () => {
    const { clock, limiter } = limiterAt()
    for (clock.ms = 0; clock.ms < 5_000; clock.ms++) {
      expect((await limiter.takePermit([limitOf(100, 100)])).allowed).toBe(true)
    }
    expect((await limiter.peek([limitOf(100, 100)])).remaining).toBe(1)
  })
})

test('what is no limit is refused loudly, never as unlimited', async () => {
  const { limiter } = limiterAt()
  for (const limit of [Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY]) {
    expect(limiter.takePermit([limitOf(limit)])).rejects.toBeInstanceOf(RangeError)
  }
  expect(limiter.takePermit([limitOf(1, 0)])).rejects.toBeInstanceOf(RangeError)
  expect(limiter.takePermit([])).rejects.toBeInstanceOf(RangeError)
  expect(limiter.peek([])).rejects.toBeInstanceOf(RangeError)
})
