/** Prices of several components, proportional rates, and rates by a value of the request. */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Counted } from '../../events/counted.ts'
import { ConfigError, printProblem } from '../../src/config/config-error.ts'
import { tariffHash } from '../../src/config/tariff.ts'
import { capCharge } from '../../src/gate/reservation/reservation.ts'
import { boundOf, unknownRate, usedOf } from '../../src/pricing/counting.ts'
import { priceAgain } from '../../src/pricing/price-again.ts'
import {
  credits,
  creditsUpTo,
  exactCredits,
  quantityFor,
} from '../../src/pricing/price-arithmetic.ts'
import type { NamedComponent, PriceRule } from '../../src/pricing/price-rule.ts'
import { parse, withChange } from '../support/small-config.ts'

const image: PriceRule = [
  { name: 'base', per: 'request', credits: 20_000 },
  { name: 'pictures', per: 'item', perMillion: 1_500_000, hold: { number: '/n' } },
]

describe('a price of several components', () => {
  test('is their sum', () => {
    const counted = boundOf(image, { json: { n: 3 } })
    expect(counted).toEqual({ quantity: 1, parts: { base: 1, pictures: 3 } })
    expect(credits(image, counted)).toBe(20_005)
  })

  test('is rounded up once, however many of them are proportional', () => {
    const half = (name: string): NamedComponent => ({
      ...{ name, per: 'item', perMillion: 500_000, hold: { number: '/n' } },
    })
    const counted = { quantity: 1, parts: { a: 1, b: 1 } }
    expect(credits([half('a'), half('b')], counted)).toBe(1)
    expect(credits([half('a')], counted)).toBe(1)
    expect(credits([half('a'), half('b')], { ...counted, parts: { a: 1, b: 2 } })).toBe(2)
  })

  test('is exact where numbers are not', () => {
    const rule: PriceRule = { per: 'byte', of: 'request', perMillion: 999_999_999 }
    const quantity = 9_007_199_254_740_991
    const exact = (BigInt(quantity) * 999_999_999n + 999_999n) / 1_000_000n
    expect(exactCredits(rule, { quantity })).toBe(String(exact))
    expect(creditsUpTo(rule, { quantity }, 10 ** 12)).toBe(10 ** 12)
  })

  test('has no price for what was not recorded, and a call is always one', () => {
    expect(exactCredits(image, { quantity: 1 })).toBeUndefined()
    expect(exactCredits(image, { quantity: 1, parts: { pictures: 2 } })).toBe(20_003)
    expect(exactCredits(image, { quantity: 1, parts: { constructor: 2 } })).toBeUndefined()
  })

  test('has the hash of what was written, whatever the order of its fields', () => {
    const hash = (price: PriceRule) => tariffHash({ plans: {}, prices: { image: price } })
    const reordered = image.map((component) =>
      Object.fromEntries(Object.entries(component).reverse()),
    )
    expect(hash(reordered as never)).toBe(hash(image))
    expect(hash([...image].reverse())).not.toBe(hash(image))
  })
})

describe('rates by a value', () => {
  const byModel: PriceRule = {
    ...{ per: 'item', by: '/model', hold: { number: '/n' } },
    credits: { large: 10, small: 1 },
  }
  const withElse: PriceRule = { ...byModel, credits: { large: 10, else: 3 } }
  const bound = (rule: PriceRule, model: unknown) => boundOf(rule, { json: { n: 2, model } })

  test('are those of the value, which is recorded by the name in the table', () => {
    expect(bound(byModel, 'large')).toEqual({ quantity: 2, by: 'large' })
    expect(credits(byModel, bound(byModel, 'large'))).toBe(20)
    expect(credits(byModel, bound(byModel, 'small'))).toBe(2)
    expect(bound(withElse, 'tiny')).toEqual({ quantity: 2, by: 'else' })
    expect(bound(withElse, undefined)).toEqual({ quantity: 2, by: 'else' })
    expect(credits(withElse, bound(withElse, 'tiny'))).toBe(6)
  })

  const strange = [
    'tiny',
    undefined,
    null,
    7,
    ['large'],
    {},
    'constructor',
    '__proto__',
    'Large',
    '',
  ]
  test.each(strange.map((model) => [model]))('there is none for %p', (model) => {
    expect(unknownRate(byModel, { json: { n: 2, model } })).toEqual({ by: '/model' })
    expect(() => bound(byModel, model)).toThrow('no rate')
    expect(unknownRate(withElse, { json: { n: 2, model } })).toBeUndefined()
  })

  test('can be 0, and are by the method where it says so', () => {
    const rule: PriceRule = { per: 'request', by: 'method', credits: { GET: 1, HEAD: 0 } }
    expect(credits(rule, boundOf(rule, { method: 'GET' }))).toBe(1)
    expect(credits(rule, boundOf(rule, { method: 'HEAD' }))).toBe(0)
    expect(unknownRate(rule, { method: 'PUT' })).toEqual({ by: 'method' })
  })
})

// Anything that a list can be made of but what is metered and what reads files.
const rate = fc.oneof(
  fc.record({ credits: fc.integer({ min: 1, max: 1_000_000 }) }),
  fc.record({ perMillion: fc.integer({ min: 1, max: 10 ** 12 }) }),
)
const unitRate = fc.oneof(
  fc.record({
    credits: fc.integer({ min: 1, max: 1_000_000 }),
    unit: fc.integer({ min: 1, max: 5_000 }),
  }),
  fc.record({ perMillion: fc.integer({ min: 1, max: 10 ** 12 }) }),
)
const component = fc.oneof(
  fc
    .record({ credits: fc.nat({ max: 1000 }).map((n) => n + 1) })
    .map((of) => ({ per: 'request', ...of })),
  rate.map((of) => ({ per: 'item', hold: { number: '/n' }, ...of })),
  rate.map((of) => ({ per: 'item', hold: { number: '/n' }, settle: { list: '/done' }, ...of })),
  unitRate.map((of) => ({ per: 'character', hold: { text: '/text' }, ...of })),
  unitRate.map((of) => ({ per: 'byte', of: 'request', ...of })),
  rate.map((of) => ({ per: 'quantity', of: 'page', hold: { product: ['/n', '/n'] }, ...of })),
  rate.map((of) => ({ per: 'quantity', of: 'token', hold: { bytesPer: 4 }, ...of })),
  rate.map((of) => ({
    ...{ per: 'quantity', of: 'row', hold: { most: 30 }, settle: { number: '/rows' }, ...of },
  })),
)
const price = fc
  .array(component, { minLength: 1, maxLength: 6 })
  .map((list) => list.map((of, i) => ({ name: `c${i}`, ...of })) as never as NamedComponent[])
const call = fc.record({
  n: fc.nat({ max: 100_000 }),
  done: fc.nat({ max: 20 }),
  text: fc.string({ maxLength: 50 }),
  bytes: fc.nat({ max: 2 ** 31 }),
})
const requestOf = ({ n, text, bytes }: { n: number; text: string; bytes: number }) => ({
  ...{ json: { n, text }, bytes, method: 'POST' },
})

/** A second arithmetic: by fractions of whole numbers, without a shortcut. */
function oracle(rule: readonly NamedComponent[], parts: Readonly<Record<string, number>>): bigint {
  let whole = 0n
  let millionths = 0n
  for (const part of rule) {
    const quantity = BigInt(parts[part.name] ?? 0)
    if ('perMillion' in part && typeof part.perMillion === 'number') {
      millionths += quantity * BigInt(part.perMillion)
      continue
    }
    const unit = BigInt('unit' in part ? (part.unit ?? 1) : 1)
    let started = 0n
    if (quantity > 0n) started = (quantity - 1n) / unit + 1n
    whole += started * BigInt(part.credits as number)
  }
  const rounded = millionths === 0n ? 0n : (millionths - 1n) / 1_000_000n + 1n
  return whole + rounded
}

describe('a quantity of a name of its own', () => {
  const of = { per: 'quantity', of: 'row', credits: 1 } as const
  const used = (rule: PriceRule, json: unknown, headers = {}) => {
    const request = { json: { n: 2 }, bytes: 9 }
    const response = { json, headers: new Headers(headers) }
    return usedOf(rule, { request, response }, boundOf(rule, request)).quantity
  }

  test('is a product of numbers of the request and bytes of its files', () => {
    const rule: PriceRule = {
      ...{
        ...of,
        hold: { product: ['/n', { query: 'pages' }, { parameter: 'id' }, { file: 'a' }] },
      },
    }
    const request = {
      ...{ json: { n: 2 }, query: { pages: 3 }, parameters: { id: 5 } },
      files: { a: { bytes: 7 } },
    }
    expect(boundOf(rule, request)).toEqual({ quantity: 210 })
    for (const n of ['2', -1, 1.5, null, undefined]) {
      expect(() => boundOf(rule, { ...request, json: { n } })).toThrow('no number at /n')
    }
    expect(() => boundOf(rule, { ...request, files: {} })).toThrow('no file a')
  })

  test('is what the response says, rounded up; where it says none, as the rule says', () => {
    const rule: PriceRule = { ...of, hold: { most: 50 }, settle: { number: '/rows' } }
    expect([7, 6.2, 0, 50, 51, 1e300].map((rows) => used(rule, { rows }))).toEqual([
      ...[7, 7, 0, 50, 50],
      // No quantity that could be meant.
      50,
    ])
    for (const rows of [undefined, null, '7', -1, Number.NaN]) {
      expect(used(rule, { rows })).toBe(50)
      const nothing = { ...rule, settle: { number: '/rows', otherwise: 'nothing' } } as PriceRule
      expect(used(nothing, { rows })).toBe(0)
      const some = (otherwise: number) =>
        ({ ...rule, settle: { number: '/rows', otherwise } }) as PriceRule
      expect([3, 51].map((count) => used(some(count), { rows }))).toEqual([3, 50])
    }
  })

  test('is what a header of the response says', () => {
    const rule: PriceRule = { ...of, hold: { bytesPer: 2 }, settle: { header: 'X-Rows' } }
    expect(used(rule, undefined, { 'x-rows': '3' })).toBe(3)
    expect(used(rule, undefined, { 'x-rows': '2.5' })).toBe(3)
    expect(used(rule, undefined, { 'x-rows': '9' })).toBe(9)
    for (const text of ['', '-1', '1e3', '0x1', 'three', '1'.repeat(30)]) {
      expect(used(rule, undefined, { 'x-rows': text })).toBe(5)
    }
    expect(used(rule, undefined)).toBe(5)
  })
})

describe('for every price and call', () => {
  test('the bound is held, what is charged is the exact sum, and never more than the bound', () => {
    fc.assert(
      fc.property(price, call, (rule, call) => {
        const request = requestOf(call)
        const held = boundOf(rule, request)
        expect(BigInt(exactCredits(rule, held) ?? -1)).toBe(oracle(rule, held.parts ?? {}))
        // An upstream that keeps its word does no more than it was asked for.
        const rows = call.done
        const response = { json: { rows, done: Array(Math.min(call.done, call.n)).fill(0) } }
        const used = usedOf(rule, { request, response }, held)
        const cost = oracle(rule, used.parts ?? {})
        expect(BigInt(exactCredits(rule, used) ?? -1)).toBe(cost)
        expect(cost <= oracle(rule, held.parts ?? {})).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })

  test('an upstream that does more is charged up to what was held, and the rest is a shortfall', () => {
    fc.assert(
      fc.property(price, call, (rule, call) => {
        const request = requestOf(call)
        const held = boundOf(rule, request)
        const json = { done: Array(call.n + call.done).fill(0) }
        if (oracle(rule, held.parts ?? {}) > 10n ** 12n) return
        const used = usedOf(rule, { request, response: { json } }, held)
        const charge = capCharge({ price: rule, ...held }, used)
        expect(BigInt(charge.credits)).toBe(oracle(rule, charge.parts ?? {}))
        expect(charge.credits).toBeLessThanOrEqual(credits(rule, held))
        const { shortfall = 0 } = charge
        expect(charge.credits + shortfall).toBe(creditsUpTo(rule, used, 10 ** 12))
      }),
      { numRuns: 200 },
    )
  })

  test('priced again under the price that it was charged by, it costs the same', () => {
    fc.assert(
      fc.property(price, call, (rule, call) => {
        const held = boundOf(rule, requestOf(call))
        expect(priceAgain(rule, rule, held)).toEqual(exactCredits(rule, held))
      }),
    )
  })

  test('what credits buy of a metered component is the most that they do', () => {
    const metered: NamedComponent = {
      ...{ name: 'sent', per: 'byte', perMillion: 700_000, hold: { step: 100 } },
    }
    const counted: Counted = { quantity: 0, parts: { base: 1, pictures: 1, sent: 0 } }
    const rule: PriceRule = [...image, metered]
    fc.assert(
      fc.property(fc.nat({ max: 100_000 }), (more) => {
        const quantity = quantityFor(rule, counted, 20_002 + more)
        const cost = (sent: number) =>
          credits(rule, { quantity: sent, parts: { base: 1, pictures: 1, sent } })
        expect(cost(quantity)).toBeLessThanOrEqual(20_002 + more)
        expect(cost(quantity + 1)).toBeGreaterThan(20_002 + more)
      }),
    )
    expect(quantityFor(rule, counted, 19_000)).toBe(0)
  })
})

describe('under another price', () => {
  const perItem: PriceRule = { per: 'item', credits: 2, hold: { list: '/urls' } }
  const counted: Counted = { quantity: 1, parts: { base: 1, pictures: 4 } }

  test('components are matched by their names, in any order', () => {
    const [base, pictures] = image
    const other = [{ ...pictures, perMillion: 2_000_000 }, base] as NamedComponent[]
    expect(priceAgain(image, other, counted)).toBe(20_008)
    expect(priceAgain(image, [base as NamedComponent], counted)).toBe(20_000)
  })

  test('what was not counted has no price, nor what counts something else under the same name', () => {
    const more = [...image, { name: 'sheets', per: 'item', credits: 1, hold: { number: '/s' } }]
    expect(priceAgain(image, more as PriceRule, counted)).toBeUndefined()
    const words = [{ name: 'pictures', per: 'character', credits: 1, hold: { text: '/t' } }]
    expect(priceAgain(image, words as PriceRule, counted)).toBeUndefined()
    expect(priceAgain(image, perItem, counted)).toBeUndefined()
    expect(priceAgain(perItem, image, { quantity: 3 })).toBeUndefined()
  })

  test('a price for each call takes any call, and one that is free', () => {
    expect(priceAgain(perItem, { per: 'request', credits: 7 }, { quantity: 3 })).toBe(7)
    expect(priceAgain(image, { per: 'request', credits: 7 }, counted)).toBe(7)
    expect(priceAgain(image, { per: 'free' }, counted)).toBe(0)
  })

  test('the value is looked up anew, unless it is not known', () => {
    const by = (credits: Record<string, number>): PriceRule => ({ ...perItem, by: '/m', credits })
    const before = by({ large: 10, else: 3 })
    const large = { quantity: 2, by: 'large' }
    const other = { quantity: 2, by: 'else' }
    expect(priceAgain(before, by({ large: 20, else: 3 }), large)).toBe(40)
    expect(priceAgain(before, by({ else: 4 }), large)).toBe(8)
    expect(priceAgain(before, by({ small: 4 }), large)).toBeUndefined()
    expect(priceAgain(before, by({ else: 4 }), other)).toBe(8)
    expect(priceAgain(before, by({ small: 1, else: 4 }), other)).toBeUndefined()
    expect(priceAgain(before, perItem, large)).toBe(4)
    expect(priceAgain(perItem, before, { quantity: 2 })).toBeUndefined()
  })
})

describe('in the configuration', () => {
  const problemsOf = (price: string, request = '{ text: { type: string, maxLength: 9 } }') => {
    try {
      parse(
        withChange('price: { per: request, credits: 1 }', `price: ${price}`).replace(
          '{ text: { type: string } }',
          request,
        ),
      )
      return []
    } catch (error) {
      if (error instanceof ConfigError) return error.problems.map(printProblem)
      throw error
    }
  }
  const text = 'per: character, hold: { text: /text }'

  test('short forms and lists are both valid', () => {
    expect(problemsOf(`{ ${text}, perMillion: 40 }`)).toEqual([])
    expect(
      problemsOf(
        `[{ name: base, per: request, credits: 1 }, { name: text, ${text}, perMillion: 40 }]`,
      ),
    ).toEqual([])
    expect(problemsOf('{ per: request, by: /text, credits: { a: 1, else: 0 } }')).toEqual([])
  })

  const numbered = (price: string, more = '') => {
    const n = '{ type: integer, minimum: 1, maximum: 200000000 }'
    const json = `{ type: object, required: [n], properties: { n: ${n}, m: { type: integer } } }`
    const say = withChange('price: { per: request, credits: 1 }', `${more}price: ${price}`)
    return () => parse(say.replace(/json: \{.*\} \}/, `json: ${json} }`))
  }

  test('no product can be more than is counted exactly', () => {
    const product = (of: string) =>
      `{ per: quantity, of: row, perMillion: 1, hold: { product: ${of} } }`
    expect(numbered(product('[/n]'))).not.toThrow()
    expect(numbered(product('[/n, /n]'))).toThrow('hold.product: can be more than 2^53')
    expect(numbered(product('[/m]'))).toThrow('/m must be a required integer of request.json')
  })

  test('no bound is lower than what the response may say', () => {
    const rows = (most: number) =>
      `{ per: quantity, of: row, credits: 1, hold: { most: ${most} }, settle: { number: /rows } }`
    const json =
      'response: { json: { type: object, properties: { rows: { type: integer, maximum: 99 } } } }'
    expect(numbered(rows(99), `${json}\n    `)).not.toThrow()
    expect(numbered(rows(98), `${json}\n    `)).toThrow(
      'price.hold.most: the response may say 99, which is more than is held',
    )
  })

  test('what an event of a stream says is not looked for in the documented response', () => {
    const rows = (settle: string) =>
      `{ per: quantity, of: row, credits: 1, hold: { most: 9 }, settle: { number: /rows${settle} } }`
    const json = 'response: { json: { type: object, properties: { text: { type: string } } } }'
    expect(numbered(rows(''), `${json}\n    `)).toThrow('/rows is not in response.json')
    expect(numbered(rows(', event: done'), `${json}\n    `)).not.toThrow()
    const stream = 'response: { binary: text/event-stream }'
    expect(numbered(rows(''), `${stream}\n    `)).not.toThrow()
  })

  test.each([
    [`{ ${text} }`, 'price.credits: missing, expected an integer from 1 to 1000000000000'],
    [`{ ${text}, credits: 1 }`, 'price.unit: missing, expected an integer from 1 to 2147483647'],
    [
      `{ ${text}, unit: 5, credits: 1, perMillion: 1 }`,
      'price.perMillion: expected exactly one of credits or perMillion',
    ],
    [
      `{ ${text}, unit: 5, perMillion: 1 }`,
      'price.unit: has no effect on what is priced per million',
    ],
    [
      '{ per: request, credits: { a: 1 } }',
      'price.credits: is a table, and `by` says what chooses in it',
    ],
    ['{ per: request, by: /text, credits: 1 }', 'price.by: needs a table in `credits`'],
    ['{ per: request, by: /model, credits: { a: 1 } }', 'price.by: /model is not in request.json'],
    ['{ per: request, by: method, credits: { GET: 1 } }', 'price.by: the table has no POST'],
    [
      '{ per: request, by: { query: q }, credits: { a: 1 } }',
      'price.by: the query has no parameter q that is checked',
    ],
    ['[]', 'price: expected a list that is not empty, got a list'],
    [
      '[{ per: request, credits: 1 }]',
      'price[0].name: missing, expected a name of letters and digits, with a small letter first, at most 40',
    ],
    [
      '[{ name: a, per: request, credits: 1 }, { name: a, per: request, credits: 1 }]',
      'price[1].name: names another component, too',
    ],
    [
      '[{ name: a, per: character, unit: 1, credits: 1, hold: { text: /words } }]',
      'price[0].hold.text: /words must be a required string of request.json',
    ],
    [
      '[{ name: a, per: byte, perMillion: 1, hold: { step: 5 } }, { name: b, per: byte, perMillion: 1, hold: { step: 5 } }]',
      'price[1].per: is the second component that is metered while the response is sent, and one can be',
    ],
    [
      '[{ name: a, per: request, by: /text, credits: { x: 1 } }, { name: b, per: request, by: /text, credits: { y: 1 } }]',
      'price[1].by: all tables of a price have the same names, and x stands in one alone',
    ],
    [
      '{ per: quantity, of: row, credits: 1, hold: { product: [/text] } }',
      'price.hold.product[0]: /text must be a required integer of request.json',
    ],
    [
      '{ per: quantity, of: row, credits: 1, hold: { product: [{ file: a }] } }',
      'price.hold.product[0]: the route takes no file a',
    ],
    [
      '{ per: quantity, of: row, credits: 1, hold: { most: 10 } }',
      'price.settle: missing: without it every call is charged for `hold.most`',
    ],
    [
      '{ per: quantity, of: row, credits: 1, hold: { most: 10 }, settle: { number: /rows, event: { pointer: /type } } }',
      'price.settle.event: expected exactly one of equals or exists',
    ],
    [
      '{ per: quantity, of: row, hold: { bytesPer: 4 } }',
      'price.credits: missing, expected an integer from 1 to 1000000000000',
    ],
    [
      '[{ name: a, per: request, credits: 1000000000000 }, { name: b, per: request, credits: 1 }]',
      'price: a call that the route admits can cost more than 1,000,000,000,000 credits, the most that one call can: lower the price, or admit less',
    ],
  ])('%s', (price, problem) => {
    expect(problemsOf(price)).toEqual([`routes.say.${problem}`])
  })
})
