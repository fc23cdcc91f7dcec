// Windows in one process, on a clock that the test moves by hand.
import { describe, expect, test } from 'bun:test'
import { processWindows } from '../../src/gate/rate-limit/in-process-limiter.ts'
import type { Limit, WindowDecision } from '../../src/gate/rate-limit/rate-limiter.ts'

const limitOf = (limit: number, windowMs = 1_000, key = '{a}'): Limit => ({ key, limit, windowMs })

function windowsAt(startMs = 0) {
  const clock = { ms: startMs }
  return { clock, windows: processWindows(() => clock.ms * 1_000) }
}

function placeOf(decision: WindowDecision) {
  if (!decision.allowed) throw new Error('the call was refused')
  return decision.place
}

describe('a window', () => {
  test('lets N calls through and refuses the next', async () => {
    const { windows } = windowsAt()
    for (const remaining of [2, 1, 0]) {
      const decision = await windows.take([limitOf(3)])
      expect(decision).toMatchObject({ allowed: true, degraded: false, state: { remaining } })
    }
    expect(await windows.take([limitOf(3)])).toMatchObject({ allowed: false })
  })

  test('frees a place when the call that held it is exactly one window old', async () => {
    const { clock, windows } = windowsAt()
    await windows.take([limitOf(1)])
    clock.ms = 999.999
    expect((await windows.take([limitOf(1)])).allowed).toBe(false)
    clock.ms = 1_000
    expect((await windows.take([limitOf(1)])).allowed).toBe(true)
  })

  test('frees places one by one, as they were taken', async () => {
    const { clock, windows } = windowsAt()
    await windows.take([limitOf(2)])
    clock.ms = 600
    await windows.take([limitOf(2)])
    clock.ms = 1_000
    expect((await windows.take([limitOf(2)])).allowed).toBe(true)
    expect((await windows.take([limitOf(2)])).allowed).toBe(false)
  })

  test('says when one more call would pass', async () => {
    const { clock, windows } = windowsAt()
    expect((await windows.peek([limitOf(2)])).resetMs).toBe(0)
    await windows.take([limitOf(2)])
    clock.ms = 300
    const last = await windows.take([limitOf(2)])
    expect(last.state).toEqual({ limit: 2, remaining: 0, windowMs: 1_000, resetMs: 700 })
    clock.ms = 400
    expect((await windows.take([limitOf(2)])).state.resetMs).toBe(600)
  })

  test('is not touched by a refused call', async () => {
    const { clock, windows } = windowsAt()
    await windows.take([limitOf(1)])
    for (clock.ms = 100; clock.ms < 1_000; clock.ms += 100) await windows.take([limitOf(1)])
    clock.ms = 1_000
    expect((await windows.take([limitOf(1)])).allowed).toBe(true)
  })

  test('is not touched by a peek', async () => {
    const { windows } = windowsAt()
    await windows.take([limitOf(2)])
    for (let n = 0; n < 5; n++) {
      expect((await windows.peek([limitOf(2)])).remaining).toBe(1)
    }
  })

  test('lets nothing through at limit 0', async () => {
    const { windows } = windowsAt()
    const decision = await windows.take([limitOf(0)])
    expect(decision).toMatchObject({ allowed: false, state: { remaining: 0, resetMs: 1_000 } })
  })

  test('of one key says nothing about another', async () => {
    const { windows } = windowsAt()
    await windows.take([limitOf(1, 1_000, '{a}')])
    expect((await windows.take([limitOf(1, 1_000, '{b}')])).allowed).toBe(true)
  })
})

describe('a place given back', () => {
  test('is free for the next call', async () => {
    const { windows } = windowsAt()
    const decision = await windows.take([limitOf(1)])
    await windows.giveBack(placeOf(decision))
    expect((await windows.take([limitOf(1)])).allowed).toBe(true)
    expect((await windows.take([limitOf(1)])).allowed).toBe(false)
  })

  test('is the one that was taken, not an older or a newer one', async () => {
    const { clock, windows } = windowsAt()
    await windows.take([limitOf(3)])
    clock.ms = 100
    const middle = await windows.take([limitOf(3)])
    clock.ms = 200
    await windows.take([limitOf(3)])
    await windows.giveBack(placeOf(middle))
    clock.ms = 1_000
    expect((await windows.peek([limitOf(3)])).remaining).toBe(2)
    clock.ms = 1_199
    expect((await windows.peek([limitOf(3)])).remaining).toBe(2)
    clock.ms = 1_200
    expect((await windows.peek([limitOf(3)])).remaining).toBe(3)
  })

  test('after its window has passed frees nothing', async () => {
    const { clock, windows } = windowsAt()
    const old = await windows.take([limitOf(1)])
    clock.ms = 1_000
    await windows.take([limitOf(1)])
    await windows.giveBack(placeOf(old))
    expect((await windows.take([limitOf(1)])).allowed).toBe(false)
  })
})

describe('several limits', () => {
  const account = limitOf(3, 1_000, '{a}')
  const key = limitOf(1, 5_000, '{a}:k')

  test('are taken all or none', async () => {
    const { windows } = windowsAt()
    await windows.take([account, key])
    expect((await windows.take([account, key])).allowed).toBe(false)
    expect((await windows.take([key, account])).allowed).toBe(false)
    expect((await windows.peek([account])).remaining).toBe(2)
  })

  test('are given back together', async () => {
    const { windows } = windowsAt()
    await windows.giveBack(placeOf(await windows.take([account, key])))
    expect((await windows.peek([account])).remaining).toBe(3)
    expect((await windows.peek([key])).remaining).toBe(1)
  })

  test('answer with the one that makes the client wait longest', async () => {
    const { clock, windows } = windowsAt()
    expect((await windows.take([account, key])).state).toMatchObject({ limit: 1, resetMs: 5_000 })
    await windows.take([account])
    await windows.take([account])
    clock.ms = 10
    expect((await windows.take([account, key])).state).toMatchObject({ limit: 1, resetMs: 4_990 })
  })

  test('that are all open answer with the fewest places left', async () => {
    const { windows } = windowsAt()
    expect((await windows.peek([account, { ...key, limit: 2 }])).limit).toBe(2)
    expect((await windows.peek([{ ...key, limit: 9 }, account])).limit).toBe(3)
  })
})

describe('a limit that changes', () => {
  test('down holds at once, and counts the calls above it', async () => {
    const { clock, windows } = windowsAt()
    for (clock.ms = 0; clock.ms < 5; clock.ms++) await windows.take([limitOf(5)])
    const refused = await windows.take([limitOf(2)])
    // Taken at 0, 1, 2, 3, 4: fewer than two are inside when the one of 3 has left.
    expect(refused).toMatchObject({ allowed: false, state: { remaining: 0, resetMs: 998 } })
    clock.ms = 1_002
    expect((await windows.take([limitOf(2)])).allowed).toBe(false)
    clock.ms = 1_003
    expect((await windows.take([limitOf(2)])).allowed).toBe(true)
  })

  test('down and up again has forgotten nothing', async () => {
    const { windows } = windowsAt()
    for (let n = 0; n < 5; n++) await windows.take([limitOf(5)])
    await windows.take([limitOf(1)])
    expect((await windows.take([limitOf(5)])).allowed).toBe(false)
    expect(await windows.take([limitOf(6)])).toMatchObject({ allowed: true })
    expect((await windows.take([limitOf(6)])).allowed).toBe(false)
  })

  test('to a longer window counts what is remembered', async () => {
    const { clock, windows } = windowsAt()
    await windows.take([limitOf(2, 1_000)])
    clock.ms = 900
    await windows.take([limitOf(2, 1_000)])
    expect((await windows.take([limitOf(2, 3_000)])).allowed).toBe(false)
    clock.ms = 2_999
    expect((await windows.take([limitOf(2, 3_000)])).allowed).toBe(false)
    clock.ms = 3_000
    expect((await windows.take([limitOf(2, 3_000)])).allowed).toBe(true)
  })

  test('to a shorter window counts what is inside it', async () => {
    const { clock, windows } = windowsAt()
    await windows.take([limitOf(1, 3_000)])
    clock.ms = 1_000
    expect((await windows.take([limitOf(1, 3_000)])).allowed).toBe(false)
    expect((await windows.take([limitOf(1, 1_000)])).allowed).toBe(true)
  })
})

describe('a clock that steps back', () => {
  test('lets no more through', async () => {
    const { clock, windows } = windowsAt(10_000)
    await windows.take([limitOf(2)])
    clock.ms = 5_000
    expect((await windows.take([limitOf(2)])).allowed).toBe(true)
    clock.ms = 5_999
    expect((await windows.take([limitOf(2)])).allowed).toBe(false)
  })

  test('locks nobody out for longer than a window', async () => {
    const { clock, windows } = windowsAt(10_000_000)
    await windows.take([limitOf(1)])
    clock.ms = 0
    expect((await windows.take([limitOf(1)])).allowed).toBe(false)
    clock.ms = 1_000
    expect((await windows.take([limitOf(1)])).allowed).toBe(true)
  })
})

describe('memory', () => {
  test('keeps no key whose window has passed', async () => {
    const { clock, windows } = windowsAt()
    for (let n = 0; n < 1_000; n++) await windows.take([limitOf(1, 1_000, `{${n}}`)])
    expect(windows.keys).toBe(1_000)
    clock.ms = 2_000
    for (let n = 0; n < 300; n++) await windows.take([limitOf(10_000)])
    expect(windows.keys).toBe(1)
  })

  test('keeps the keys that are still in use', async () => {
    const { clock, windows } = windowsAt()
    await windows.take([limitOf(1, 60_000, '{long}')])
    for (; clock.ms < 5_000; clock.ms += 10) {
      await windows.take([limitOf(1, 100, `{${clock.ms}}`)])
      expect(windows.keys).toBeLessThan(30)
    }
    expect((await windows.take([limitOf(1, 60_000, '{long}')])).allowed).toBe(false)
  })

  test('grows with the calls inside the window and stays in order', async () => {
    const { clock, windows } = windowsAt()
    for (clock.ms = 0; clock.ms < 5_000; clock.ms++) {
      expect((await windows.take([limitOf(100, 100)])).allowed).toBe(true)
    }
    expect((await windows.peek([limitOf(100, 100)])).remaining).toBe(1)
  })
})

test('what is no limit is refused loudly, never as unlimited', async () => {
  const { windows } = windowsAt()
  for (const limit of [Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY]) {
    expect(windows.take([limitOf(limit)])).rejects.toBeInstanceOf(RangeError)
  }
  expect(windows.take([limitOf(1, 0)])).rejects.toBeInstanceOf(RangeError)
  expect(windows.take([])).rejects.toBeInstanceOf(RangeError)
  expect(windows.peek([])).rejects.toBeInstanceOf(RangeError)
})
