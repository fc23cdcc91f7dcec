// After any sequence of tokens taken, settled and waited for, a limit of tokens decides as a naive oracle does, and no span
// holds more than its limit, but for what calls used more than they took. fast-check prints the seed when this fails.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { openInProcessTokens } from '../../src/gate/rate-limit/in-process-tokens.ts'
import type { RateLimit } from '../../src/gate/rate-limit/rate-limiter.ts'
import type { TakenTokens } from '../../src/gate/rate-limit/token-limiter.ts'

type Step =
  | { readonly do: 'take'; readonly tokens: number }
  | { readonly do: 'settle'; readonly nth: number; readonly used: number }
  | { readonly do: 'wait'; readonly us: number }

const limits: readonly RateLimit[] = [
  { key: '{a}:tokens:2', limit: 10, windowMs: 2 },
  { key: '{a}:tokens:5', limit: 18, windowMs: 5 },
]

/** What counts, from when; `isMore`: it was used, and never taken. */
interface Counting {
  readonly atUs: number
  tokens: number
  readonly isMore: boolean
}

const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('take' as const),
        tokens: fc.integer({ min: 1, max: 11 }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('settle' as const),
        nth: fc.nat(20),
        used: fc.integer({ min: 0, max: 13 }),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('wait' as const),
        us: fc.constantFrom(1, 500, 1_000, 1_999, 2_000, 5_000),
      }),
    },
  ),
  { maxLength: 80 },
)

const sumOf = (all: readonly Counting[], isInside: (one: Counting) => boolean) =>
  all.filter(isInside).reduce((sum, { tokens }) => sum + tokens, 0)

async function follow(all: readonly Step[]): Promise<Counting[]> {
  let nowUs = 1_000_000
  const limiter = openInProcessTokens(() => nowUs)
  const counting: Counting[] = []
  const open: { taken: TakenTokens; own: Counting }[] = []
  const left = ({ limit, windowMs }: RateLimit) =>
    Math.max(0, limit - sumOf(counting, ({ atUs }) => atUs > nowUs - windowMs * 1_000))
  for (const step of all) {
    if (step.do === 'wait') nowUs += step.us
    else if (step.do === 'settle') {
      const [one] = open.splice(step.nth % Math.max(1, open.length), 1)
      if (!one) continue
      await limiter.settle(one.taken, step.used)
      const over = step.used - one.own.tokens
      if (over > 0) counting.push({ atUs: nowUs, tokens: over, isMore: true })
      else one.own.tokens = step.used
    } else {
      const before = limits.map(left)
      const decision = await limiter.take(limits, step.tokens)
      expect(decision.allowed).toBe(before.every((most) => step.tokens <= most))
      if (!decision.allowed) {
        // Who waits for as long as it says is let in, if nobody else comes, and who comes a moment before is not.
        const { resetMs } = decision.state
        expect(resetMs).toBeGreaterThan(0)
        continue
      }
      const own = { atUs: nowUs, tokens: step.tokens, isMore: false }
      counting.push(own)
      open.push({ taken: decision.taken, own })
      const { remaining, name } = decision.state
      expect(name).toBeUndefined()
      expect(limits.map(left)).toContain(remaining)
    }
    expect((await limiter.peek(limits)).remaining).toBeOneOf(limits.map(left))
  }
  return counting
}

test('never more than N tokens in any span, whatever is taken, given back and waited for', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const counting = await follow(all)
      for (const { limit, windowMs } of limits) {
        for (const { atUs } of counting) {
          const inside = sumOf(
            counting,
            (one) => !one.isMore && one.atUs >= atUs && one.atUs < atUs + windowMs * 1_000,
          )
          expect(inside).toBeLessThanOrEqual(limit)
        }
      }
    }),
    { numRuns: 1_000 },
  )
})

test('a refused call passes when it has waited as long as it was told, and not a moment earlier', async () => {
  const amounts = fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.nat(1_500)), {
    minLength: 1,
    maxLength: 8,
  })
  await fc.assert(
    fc.asyncProperty(amounts, fc.integer({ min: 1, max: 10 }), async (taken, wanted) => {
      let nowUs = 0
      const [only] = limits.slice(0, 1) as [RateLimit]
      const limiter = openInProcessTokens(() => nowUs)
      for (const [tokens, us] of taken) {
        await limiter.take([only], tokens)
        nowUs += us
      }
      const decision = await limiter.take([only], wanted)
      if (decision.allowed) return
      nowUs += decision.state.resetMs * 1_000 - 1
      expect((await limiter.take([only], wanted)).allowed).toBe(false)
      nowUs += 1
      expect((await limiter.take([only], wanted)).allowed).toBe(true)
    }),
    { numRuns: 500 },
  )
})
