/** A pace for each of many owners. */
import { afterEach, beforeEach, expect, spyOn, test } from 'bun:test'
import fc from 'fast-check'
import { Pace } from '../../src/lib/pace.ts'

let nowMs = 5_000
let clock: ReturnType<typeof spyOn>
beforeEach(() => {
  clock = spyOn(performance, 'now').mockImplementation(() => nowMs)
})
afterEach(() => clock.mockRestore())

test('a burst waits for nothing, and what is more waits until it is due', () => {
  const pace = new Pace({ perSecond: 10, burst: 3 })
  const waits = [1, 1, 1, 1, 2].map((amount) => pace.count('ann', amount))
  expect(waits).toEqual([0, 0, 0, 100, 300])
})

test('nobody waits for what another caused', () => {
  const pace = new Pace({ perSecond: 1, burst: 1 })
  pace.count('ann', 1_000)
  expect(pace.count('ben', 1)).toBe(0)
  expect(pace.count('ann', 1)).toBe(1_000_000)
})

test('an owner that has rested has its burst again, and no more', () => {
  const pace = new Pace({ perSecond: 10, burst: 3 })
  pace.count('ann', 5)
  nowMs += 100_000
  expect([3, 1].map((amount) => pace.count('ann', amount))).toEqual([0, 100])
})

test('whoever waits as told never causes more than the pace and a burst, in any span', () => {
  const step = fc.record({ amount: fc.integer({ min: 1, max: 5 }), restMs: fc.nat(900) })
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
      const pace = new Pace({ perSecond: 10, burst: 4 })
      const caused: { atMs: number; amount: number }[] = []
      for (const { amount, restMs } of steps) {
        nowMs += restMs
        nowMs += pace.count('ann', amount)
        caused.push({ atMs: nowMs, amount })
      }
      for (const [from, { atMs }] of caused.entries()) {
        let sum = 0
        for (const one of caused.slice(from)) {
          sum += one.amount
          // The first of a span may have been due before it.
          const most = 4 + (caused[from]?.amount ?? 0) + ((one.atMs - atMs) / 1_000) * 10
          expect(sum).toBeLessThanOrEqual(most + 1e-6)
        }
      }
    }),
  )
})

test('where a wait has a longest time, what came after it is soon forgotten', () => {
  const pace = new Pace({ perSecond: 10, burst: 1, maxWaitMs: 500 })
  const waits = Array.from({ length: 100 }, () => pace.count('ann', 1))
  expect(waits.slice(0, 7)).toEqual([0, 100, 200, 300, 400, 500, 500])
  expect(waits.at(-1)).toBe(500)
  nowMs += 600
  expect(pace.count('ann', 1)).toBe(0)
})
