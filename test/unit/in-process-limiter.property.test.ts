// After any sequence of permits taken, permits returned and clock steps, the limiter decides as a naive oracle
// does, and no half-open time span ever holds more calls than its limit. fast-check prints the seed when this fails.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { openInProcessLimiter } from '../../src/gate/rate-limit/in-process-limiter.ts'
import type { Permit, RateLimit } from '../../src/gate/rate-limit/rate-limiter.ts'

type Step =
  | { readonly do: 'take'; readonly limits: readonly RateLimit[] }
  | { readonly do: 'peek'; readonly limits: readonly RateLimit[] }
  | { readonly do: 'giveBack'; readonly nth: number }
  | { readonly do: 'wait'; readonly us: number }
  | { readonly do: 'stepBack'; readonly us: number }

/** Every accepted call with its age, which grows by what the clock was seen to advance. */
interface Call {
  readonly limits: readonly RateLimit[]
  readonly acceptedAtUs: number
  ageUs: number
  permit?: Permit
}

function oracle() {
  let calls: Call[] = []
  let lastSeenUs = Number.POSITIVE_INFINITY

  function look(
    clockUs: number,
    limits: readonly RateLimit[],
  ): { remaining: number; waitUs: number }[] {
    const passedUs = Math.max(0, clockUs - lastSeenUs)
    for (const call of calls) call.ageUs += passedUs
    lastSeenUs = clockUs
    return limits.map(({ key, limit, windowMs }) => {
      const ages = calls
        .filter((call) => call.limits.some((taken) => taken.key === key))
        .map((call) => call.ageUs)
        .filter((ageUs) => ageUs < windowMs * 1_000)
        .sort((a, b) => a - b)
      const leaving = ages[limit - 1]
      const waitUs = leaving === undefined ? 0 : windowMs * 1_000 - leaving
      return { remaining: Math.max(0, limit - ages.length), waitUs }
    })
  }

  return {
    look,
    accept(call: Call) {
      calls.push(call)
    },
    giveBack(call: Call) {
      calls = calls.filter((other) => other !== call)
    },
    calls: () => calls,
  }
}

async function follow(steps: readonly Step[]): Promise<readonly Call[]> {
  let trueUs = 0
  let clockUs = 1_000_000
  const limiter = openInProcessLimiter(() => clockUs)
  const naive = oracle()

  for (const step of steps) {
    if (step.do === 'wait') {
      trueUs += step.us
      clockUs += step.us
    } else if (step.do === 'stepBack') {
      clockUs -= step.us
    } else if (step.do === 'giveBack') {
      const call = naive.calls()[step.nth % Math.max(1, naive.calls().length)]
      if (call?.permit === undefined) continue
      naive.giveBack(call)
      await limiter.returnPermit(call.permit)
    } else if (step.do === 'peek') {
      const state = await limiter.peek(step.limits)
      const expected = naive.look(clockUs, step.limits)
      expect(state.resetMs * 1_000).toBeCloseTo(Math.max(...expected.map((each) => each.waitUs)), 3)
    } else {
      const before = naive.look(clockUs, step.limits)
      const decision = await limiter.takePermit(step.limits)
      expect(decision.allowed).toBe(before.every((each) => each.remaining > 0))
      if (decision.allowed) {
        const call = {
          limits: step.limits,
          acceptedAtUs: trueUs,
          ageUs: 0,
          permit: decision.permit,
        }
        naive.accept(call)
        const least = Math.min(...before.map((each) => each.remaining)) - 1
        if (decision.state.resetMs === 0) expect(decision.state.remaining).toBe(least)
      }
    }
  }
  return naive.calls()
}

/** Half a time span, so that calls often lie exactly on the edge of one. */
const stepUs = fc.constantFrom(1, 500, 1_000, 1_500, 2_000, 3_000, 10_000)

function stepsWith(limits: fc.Arbitrary<readonly RateLimit[]>): fc.Arbitrary<Step[]> {
  return fc.array(
    fc.oneof(
      { weight: 8, arbitrary: fc.record({ do: fc.constant('take' as const), limits }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('peek' as const), limits }) },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant('giveBack' as const), nth: fc.nat(20) }),
      },
      { weight: 5, arbitrary: fc.record({ do: fc.constant('wait' as const), us: stepUs }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('stepBack' as const), us: stepUs }) },
    ),
    { maxLength: 80 },
  )
}

const account: RateLimit = { key: '{a}', limit: 4, windowMs: 3 }
const key: RateLimit = { key: '{a}:k', limit: 2, windowMs: 2 }

test('never more than N in any half-open time span, whatever is taken, returned and waited', async () => {
  const limits = fc.constantFrom<readonly RateLimit[]>(
    [account],
    [key],
    [account, key],
    [key, account],
  )
  await fc.assert(
    fc.asyncProperty(stepsWith(limits), async (steps) => {
      const calls = await follow(steps)
      for (const { key: name, limit, windowMs } of [account, key]) {
        const times = calls
          .filter((call) => call.limits.some((taken) => taken.key === name))
          .map((call) => call.acceptedAtUs)
        for (const from of times) {
          const inside = times.filter((time) => time >= from && time < from + windowMs * 1_000)
          expect(inside.length).toBeLessThanOrEqual(limit)
        }
      }
    }),
    { numRuns: 500 },
  )
})

test('decides as the oracle does while the limit changes', async () => {
  const limits = fc
    .integer({ min: 1, max: 6 })
    .map((limit): readonly RateLimit[] => [{ key: '{a}', limit, windowMs: 3 }])
  await fc.assert(
    fc.asyncProperty(stepsWith(limits), async (steps) => {
      await follow(steps)
    }),
    { numRuns: 500 },
  )
})

test('of several spans at once, never more than N in any span of each', async () => {
  const spans: readonly RateLimit[] = [
    { key: '{a}', limit: 2, windowMs: 1 },
    { key: '{a}:3', limit: 4, windowMs: 3, name: '3ms' },
    { key: '{a}:10', limit: 7, windowMs: 10, name: '10ms' },
  ]
  await fc.assert(
    fc.asyncProperty(stepsWith(fc.constant(spans)), async (steps) => {
      const calls = await follow(steps)
      const times = calls.map((call) => call.acceptedAtUs)
      for (const { limit, windowMs } of spans) {
        for (const from of times) {
          const inside = times.filter((time) => time >= from && time < from + windowMs * 1_000)
          expect(inside.length).toBeLessThanOrEqual(limit)
        }
      }
    }),
    { numRuns: 500 },
  )
})

test('says which of several limits makes a call wait', async () => {
  let nowUs = 0
  const limiter = openInProcessLimiter(() => nowUs)
  const limits: readonly RateLimit[] = [
    { key: '{a}', limit: 2, windowMs: 1_000 },
    { key: '{a}:60000', limit: 3, windowMs: 60_000, name: '60s' },
  ]
  const left = async () => (await limiter.takePermit(limits)).state
  expect(await left()).toEqual({ limit: 2, remaining: 1, windowMs: 1_000, resetMs: 0 })
  expect(await left()).toEqual({ limit: 2, remaining: 0, windowMs: 1_000, resetMs: 1_000 })
  nowUs = 1_000_000
  const last = { limit: 3, remaining: 0, windowMs: 60_000, resetMs: 59_000, name: '60s' }
  expect(await limiter.takePermit(limits)).toMatchObject({ allowed: true, state: last })
  nowUs = 2_000_000
  const refused = { allowed: false, state: { ...last, resetMs: 58_000 } }
  expect(await limiter.takePermit(limits)).toMatchObject(refused)
})
