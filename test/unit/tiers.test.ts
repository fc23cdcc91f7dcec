/** Graduated tiers: what they cost, what is wrong with them, and how they read. */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { boundOf } from '../../src/pricing/counting.ts'
import { credits, exactCredits, mostCredits } from '../../src/pricing/price-arithmetic.ts'
import type { PriceRule } from '../../src/pricing/price-rule.ts'
import { shortPriceText } from '../../src/pricing/price-text.ts'
import { mostOfTiers, type Tiers, tieredCredits } from '../../src/pricing/tiers.ts'
import { parse, withChange } from '../support/small-config.ts'

const tiers: Tiers = [{ upTo: 10_000, credits: 3 }, { upTo: 20_000, credits: 2 }, { credits: 1 }]

test('each is priced by the tier that it falls into, and no earlier one again', () => {
  const cost = (volume: number, quantity: number) =>
    Number(tieredCredits(tiers, BigInt(volume), BigInt(quantity)))
  expect(cost(0, 10_000)).toBe(30_000)
  expect(cost(9_999, 1)).toBe(3)
  expect(cost(10_000, 1)).toBe(2)
  expect(cost(9_999, 2)).toBe(5)
  expect(cost(0, 25_000)).toBe(55_000)
  expect(cost(20_000, 0)).toBe(0)
})

test('what is held is the most expensive tier from the volume upward', () => {
  const rising: Tiers = [
    { upTo: 5, credits: 0 },
    { upTo: 10, perMillion: 0 } as never,
    { credits: 4 },
  ]
  expect(mostOfTiers(tiers, 0n, 4n)).toBe(12n)
  expect(mostOfTiers(tiers, 10_000n, 4n)).toBe(8n)
  expect(mostOfTiers(tiers, 9_999n, 4n)).toBe(12n)
  expect(mostOfTiers(rising, 0n, 4n)).toBe(16n)
})

const randomTiers = fc
  .array(fc.record({ width: fc.integer({ min: 1, max: 20 }), rate: fc.nat({ max: 2_500_000 }) }), {
    ...{ minLength: 2, maxLength: 5 },
  })
  .map((list): Tiers => {
    let upTo = 0
    return list.map(({ width, rate }, i) => {
      upTo += width
      return { ...(i < list.length - 1 && { upTo }), perMillion: rate }
    })
  })

/** One by one. */
function oracle(of: Tiers, count: number): bigint {
  let cost = 0n
  for (let n = 1; n <= count; n++) {
    cost += BigInt(of.find(({ upTo = Number.POSITIVE_INFINITY }) => n <= upTo)?.perMillion ?? 0)
  }
  return (cost + 999_999n) / 1_000_000n
}

test('a month costs what it counts in all, however it is cut, and no call more than is held for it', () => {
  fc.assert(
    fc.property(randomTiers, fc.array(fc.nat({ max: 30 }), { maxLength: 12 }), (of, calls) => {
      const price = {
        per: 'quantity',
        of: 'x',
        hold: { number: '/n' },
        tiers: of,
      } as unknown as PriceRule
      let [volume, sum] = [0, 0]
      for (const quantity of calls) {
        const charged = Number(exactCredits(price, { quantity, volume }))
        const held = Number(mostCredits(price, { quantity, volume }))
        expect(charged).toBeLessThanOrEqual(held)
        expect(held).toBeLessThanOrEqual(credits(price, { quantity }))
        volume += quantity
        sum += charged
      }
      expect(BigInt(sum)).toBe(oracle(of, volume))
    }),
  )
})

test('what was recorded without a volume has no price', () => {
  expect(exactCredits({ per: 'request', tiers }, { quantity: 1 })).toBeUndefined()
})

test('the rest of a price is added to the tiers', () => {
  const price: PriceRule = [
    { name: 'base', per: 'request', credits: 5 },
    { name: 'items', per: 'item', hold: { list: '/l' }, tiers },
  ]
  const counted = { quantity: 1, parts: { base: 1, items: 2 }, volume: 9_999 }
  expect(exactCredits(price, counted)).toBe(10)
  expect(credits(price, boundOf(price, { json: { l: [1, 2] } }))).toBe(11)
})

test('tiers read as a seller says them', () => {
  expect(shortPriceText({ per: 'request', tiers })).toBe(
    '3 credits up to 10,000 in a month, 2 credits up to 20,000, then 1 credit a call',
  )
})

function problemsOf(price: string): string[] {
  try {
    parse(withChange('price: { per: request, credits: 1 }', `price: ${price}`))
    return []
  } catch (error) {
    return (error as { problems: { path: string; message: string }[] }).problems.map(
      ({ path, message }) => `${path}: ${message}`,
    )
  }
}
const price = (list: string, more = '') => `{ per: request${more}, tiers: [${list}] }`

test.each([
  [
    price('{ upTo: 10, credits: 3 }, { upTo: 20, credits: 2 }'),
    'tiers[1].upTo: leaves a gap above 20: the last tier has none',
  ],
  [
    price('{ upTo: 10, credits: 3 }, { upTo: 10, credits: 2 }, { credits: 1 }'),
    'tiers[1].upTo: expected more than 10, the tier before it',
  ],
  [
    price('{ credits: 3 }, { upTo: 20, credits: 2 }, { credits: 1 }'),
    'tiers[0].upTo: missing: only the last tier has none',
  ],
  [
    price('{ upTo: 10, credits: 3 }, { credits: 1 }', ', credits: 1'),
    'credits: stands in each of the tiers',
  ],
  [
    price('{ upTo: 10, credits: 3 }, { perMillion: 1 }'),
    'tiers[1].perMillion: expected credits, as in the first tier',
  ],
  [
    price('{ upTo: 10 }, { credits: 1 }'),
    'tiers[0].credits: expected exactly one of credits or perMillion',
  ],
  [
    price('{ upTo: 10, credits: 3 }, { credits: 1 }', ', by: /text'),
    'by: cannot choose among tiers, which go by the volume of the month alone',
  ],
  [
    '{ per: byte, tiers: [{ upTo: 10, credits: 3 }, { credits: 1 }], hold: { step: 1000 } }',
    'tiers: cannot be of what is counted while the response is sent',
  ],
])('%s is refused', (given, problem) => {
  expect(problemsOf(given)).toEqual([`routes.say.price.${problem}`])
})

test('a price has tiers in one component, and not beside one that is metered', () => {
  const of = 'tiers: [{ upTo: 10, credits: 3 }, { credits: 1 }]'
  expect(
    problemsOf(`[{ name: a, per: request, ${of} }, { name: b, per: byte, of: request, ${of} }]`),
  ).toEqual(['routes.say.price[1].tiers: are those of a second component, and one can have them'])
  expect(
    problemsOf(
      `[{ name: a, per: request, ${of} }, { name: b, per: byte, unit: 1, credits: 1, hold: { step: 1000 } }]`,
    ),
  ).toEqual([
    'routes.say.price[0].tiers: cannot stand beside a component that is metered while the response is sent',
  ])
})
