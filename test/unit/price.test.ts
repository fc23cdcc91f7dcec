import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { capCharge } from '../../src/gate/reservation/reservation.ts'
import {
  isChargeableByHead,
  isChargeableByJson,
  isPassedOn,
} from '../../src/pricing/charge-condition.ts'
import { boundOf, readsResponse, usedOf } from '../../src/pricing/counting.ts'
import * as arithmetic from '../../src/pricing/price-arithmetic.ts'
import { PriceRule } from '../../src/pricing/price-rule.ts'
import type { TokenPrice } from '../../src/pricing/rules/per-token.ts'
import { statedUsage } from '../../src/pricing/stated-usage.ts'

const free: PriceRule = { per: 'free' }
const perRequest: PriceRule = { per: 'request', credits: 3 }
const success = { pointer: '/success', equals: true }
const perItem: PriceRule = { per: 'item', credits: 2, hold: { list: '/urls' } }
const perSuccess: PriceRule = { ...perItem, settle: { list: '/results', where: success } }
const perNumber: PriceRule = { per: 'item', credits: 2, hold: { number: '/n' } }
const perCharacter: PriceRule = {
  per: 'character',
  unit: 1000,
  credits: 1,
  hold: { text: '/text' },
}
const perSecond: PriceRule = {
  per: 'second',
  unit: 60,
  credits: 10,
  hold: { audio: 'file', lowestBitsPerSecond: 8000, maxSeconds: 14_400 },
  settle: { number: '/duration_seconds' },
}
const perToken: TokenPrice = {
  ...{ per: 'token', unit: 100, credits: 2 },
  hold: { bytesPerToken: 4, limit: ['/max', '/old_max'], most: 500, step: 64 },
  settle: { usage: '/usage/total', each: ['/text'] },
}
const perByteSent = { per: 'byte', of: 'request', unit: 1024, credits: 1 } as const
const perByte = { per: 'byte', unit: 1024, credits: 1, hold: { step: 65_536 } } as const
const perPixel: PriceRule = {
  ...{ per: 'quantity', of: 'pixel', perMillion: 15_000 },
  hold: { product: ['/n'] },
  settle: { number: '/duration_seconds' },
}
const everyRule: Extract<PriceRule, { per: string }>[] = [
  ...[
    free,
    perRequest,
    perItem,
    perSuccess,
    perNumber,
    perCharacter,
    perSecond,
    perToken,
    perByte,
    perByteSent,
    perPixel,
  ],
]

// Prices of one component: a quantity is all that is counted.
const credits = (rule: PriceRule, quantity: number) => arithmetic.credits(rule, { quantity })
const creditsUpTo = (rule: PriceRule, quantity: number, most: number) =>
  arithmetic.creditsUpTo(rule, { quantity }, most)
const quantityFor = (rule: PriceRule, amount: number) =>
  arithmetic.quantityFor(rule, { quantity: 0 }, amount)
const holdQuantity = (rule: PriceRule, request: Parameters<typeof boundOf>[1]) =>
  boundOf(rule, request).quantity
const usedQuantity = (rule: PriceRule, call: Parameters<typeof usedOf>[1], quantity: number) =>
  usedOf(rule, call, { quantity }).quantity

test('every kind of price has a rule here', () => {
  const kinds = PriceRule.anyOf.flatMap(({ properties }) => properties?.per.const ?? [])
  expect([...new Set(everyRule.map(({ per }) => per))]).toEqual(kinds)
})

describe('credits', () => {
  test('a free call costs nothing', () => {
    expect(credits(free, 1)).toBe(0)
  })

  test('calls and items cost the price each', () => {
    expect(credits(perRequest, 1)).toBe(3)
    expect(credits(perItem, 0)).toBe(0)
    expect(credits(perItem, 20)).toBe(40)
  })

  test.each([
    [0, 0],
    [1, 1],
    [999, 1],
    [1000, 1],
    [1001, 2],
    [2000, 2],
    [5000, 5],
  ])('%i characters at 1 per started 1,000 cost %i', (quantity, price) => {
    expect(credits(perCharacter, quantity)).toBe(price)
  })

  test.each([
    [0, 0],
    [1, 10],
    [60, 10],
    [61, 20],
    [14_400, 2400],
  ])('%i seconds at 10 per started minute cost %i', (quantity, price) => {
    expect(credits(perSecond, quantity)).toBe(price)
  })

  test('started units are counted exactly where a division would not be', () => {
    const rule: PriceRule = { ...perCharacter, unit: 2 }
    expect(credits(rule, Number.MAX_SAFE_INTEGER)).toBe(4_503_599_627_370_496)
  })

  test('a price beyond the safe integers is an error, not a wrong price', () => {
    const dear: PriceRule = { per: 'request', credits: Number.MAX_SAFE_INTEGER }
    expect(credits(dear, 1)).toBe(Number.MAX_SAFE_INTEGER)
    expect(() => credits(dear, 2)).toThrow('too many credits')
  })

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])(
    '%p is no quantity',
    (quantity) => {
      expect(() => credits(perCharacter, quantity)).toThrow('not a quantity')
    },
  )
})

describe('what is held', () => {
  test('one for a call, free or not', () => {
    expect(holdQuantity(free, {})).toBe(1)
    expect(holdQuantity(perRequest, {})).toBe(1)
  })

  test('the items of the list', () => {
    expect(holdQuantity(perItem, { json: { urls: ['a', 'b', 'c'] } })).toBe(3)
  })

  test('the number, and nothing that is none', () => {
    expect(holdQuantity(perNumber, { json: { n: 3 } })).toBe(3)
    for (const n of ['3', -1, 1.5, null, undefined]) {
      expect(() => holdQuantity(perNumber, { json: { n } })).toThrow(TypeError)
    }
  })

  test.each([
    ['', 0],
    ['abc', 3],
    ['naïve', 5],
    ['👍', 1],
    ['👍👍', 2],
    ['𝒳y', 2],
    ['👨‍👩‍👧', 5],
    ['e\u0301', 2],
  ])('%p is %i code points', (text, count) => {
    expect(holdQuantity(perCharacter, { json: { text } })).toBe(count)
  })

  test('the larger of the header and the lowest bitrate', () => {
    const bytes = 80_000 // 80 s at 8,000 bits per second
    expect(holdQuantity(perSecond, { files: { file: { bytes } } })).toBe(80)
    expect(holdQuantity(perSecond, { files: { file: { bytes, seconds: 5 } } })).toBe(80)
    expect(holdQuantity(perSecond, { files: { file: { bytes, seconds: 80.2 } } })).toBe(81)
    expect(holdQuantity(perSecond, { files: { file: { bytes: bytes + 1, seconds: 5 } } })).toBe(81)
  })

  test('of a file that cannot be counted, also what its header claims', () => {
    const bytes = 80_000
    const held = (claimedSeconds: number) =>
      holdQuantity(perSecond, { files: { file: { bytes, claimedSeconds } } })
    expect([held(5), held(99)]).toEqual([80, 99])
  })

  test('never more seconds than the route allows', () => {
    expect(holdQuantity(perSecond, { files: { file: { bytes: 1, seconds: 1e9 } } })).toBe(14_400)
    expect(holdQuantity(perSecond, { files: { file: { bytes: 1e9 } } })).toBe(14_400)
  })

  test.each([
    [{}, false, 25 + 500],
    [{ max: 40 }, false, 25 + 40],
    [{ old_max: 40 }, false, 25 + 40],
    [{ max: 30, old_max: 40 }, false, 25 + 30],
    [{ max: 9_000 }, false, 25 + 500],
    [{ max: 'many', old_max: -1 }, false, 25 + 500],
    [{}, true, 25 + 64],
    [{ max: 40 }, true, 25 + 40],
  ])('tokens: of %j, streaming %p, in 97 bytes: %i', (json, streams, tokens) => {
    expect(holdQuantity(perToken, { json, bytes: 97, streams })).toBe(tokens)
  })

  test('of bytes, a step', () => {
    expect(holdQuantity(perByte, {})).toBe(65_536)
    expect(holdQuantity({ ...perByte, of: 'response' }, { bytes: 7 })).toBe(65_536)
  })

  test('of bytes of the request, all of them', () => {
    expect(holdQuantity(perByteSent, { bytes: 1_025 })).toBe(1_025)
    expect(credits(perByteSent, 1_025)).toBe(2)
  })

  test('a request without what is counted is not let through as free', () => {
    expect(() => holdQuantity(perToken, {})).toThrow('no JSON')
    expect(() => holdQuantity(perItem, { json: {} })).toThrow('no list at /urls')
    expect(() => holdQuantity(perItem, { json: { urls: { length: 1 } } })).toThrow('no list')
    expect(() => holdQuantity(perCharacter, { json: { text: 7 } })).toThrow('no text at /text')
    expect(() => holdQuantity(perSecond, {})).toThrow('no audio')
    expect(() => holdQuantity(perByteSent, {})).toThrow('no body')
  })
})

describe('what is settled', () => {
  const settle = (rule: PriceRule, json: unknown, held: number, seconds?: number) =>
    usedQuantity(
      rule,
      {
        request: { files: { file: { bytes: 1, ...(seconds !== undefined && { seconds }) } } },
        response: { json },
      },
      held,
    )

  test('where the request fixed the price: what was held', () => {
    for (const rule of [free, perRequest, perItem, perCharacter]) {
      expect(settle(rule, undefined, 7)).toBe(7)
    }
  })

  test('the items that succeeded, and be they more than were asked for', () => {
    const results = [{ success: true }, { success: false }, { success: 'true' }, {}, null]
    expect(settle(perSuccess, { results }, 5)).toBe(1)
    expect(settle(perSuccess, { results: Array(9).fill({ success: true }) }, 5)).toBe(9)
  })

  test('without a condition, every item that came back', () => {
    const rule: PriceRule = { ...perItem, settle: { list: '/results' } }
    expect(settle(rule, { results: [1, 2] }, 5)).toBe(2)
  })

  test('a condition can ask whether anything is there', () => {
    const withUrl: PriceRule = {
      ...perItem,
      settle: { list: '/results', where: { pointer: '/url', exists: true } },
    }
    expect(settle(withUrl, { results: [{ url: '' }, { url: null }, {}, 'text'] }, 5)).toBe(2)
    const condition = { pointer: '/error', exists: false }
    expect(isChargeableByJson(condition, { result: 1 })).toBe(true)
    expect(isChargeableByJson(condition, { error: null })).toBe(false)
  })

  test('items that the response does not show are not charged', () => {
    for (const json of [undefined, null, {}, { results: 'none' }, []]) {
      expect(settle(perSuccess, json, 5)).toBe(0)
    }
  })

  test.each([
    [0, 0],
    [0.001, 1],
    [59.2, 60],
    [60, 60],
    [60.0000001, 60],
    [60.001, 61],
    [1000, 1000],
    [20_000, 14_400],
  ])('a response that says %p seconds, of which 300 are held, has used %p', (reported, seconds) => {
    expect(settle(perSecond, { duration_seconds: reported }, 300, 9)).toBe(seconds)
  })

  test('where the response says no duration: that of the file; without one, what was held', () => {
    for (const reported of [
      undefined,
      null,
      '60',
      -1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      1e300,
    ]) {
      expect(settle(perSecond, { duration_seconds: reported }, 300, 8.5)).toBe(9)
      expect(settle(perSecond, { duration_seconds: reported }, 300)).toBe(300)
    }
  })

  test('the tokens that the response says; where it says none that can be, what was held', () => {
    expect(settle(perToken, { usage: { total: 7 } }, 300)).toBe(7)
    expect(settle(perToken, { usage: { total: 0 } }, 300)).toBe(0)
    expect(settle(perToken, { usage: { total: 301 } }, 300)).toBe(301)
    for (const total of [undefined, null, '7', -1, 1.5, 1e300, 1e9 + 1]) {
      expect(settle(perToken, { usage: { total } }, 300)).toBe(300)
      expect(statedUsage(perToken.settle, { usage: { total } })).toBeUndefined()
    }
  })

  test('a rule without settle goes by the file', () => {
    const { settle: _, ...rule } = perSecond
    expect(settle(rule, { duration_seconds: 200 }, 300, 8.5)).toBe(9)
  })
})

describe('whatever a client and an upstream say', () => {
  const number = fc.oneof(fc.double(), fc.integer(), fc.constant(Number.NaN))
  const anything = fc.oneof(fc.jsonValue(), fc.anything(), number)
  const requests = fc.record({
    bytes: fc.nat(),
    streams: fc.boolean(),
    json: fc.record({
      ...{ urls: fc.array(fc.webUrl()), n: fc.nat() },
      text: fc.string({ unit: 'binary' }),
    }),
    files: fc.record({
      file: fc.record(
        { bytes: fc.nat({ max: 2 ** 31 - 1 }), seconds: number },
        { requiredKeys: ['bytes'] },
      ),
    }),
  })
  const responses = fc.record(
    {
      json: fc.oneof(
        anything,
        fc.record({
          results: fc.oneof(
            anything,
            fc.array(fc.oneof(anything, fc.record({ success: fc.boolean() }))),
          ),
          duration_seconds: anything,
        }),
      ),
    },
    { requiredKeys: [] },
  )
  const rules = fc.constantFrom(...everyRule)

  test('what is used is charged up to what is held, and the rest of its price is a shortfall', () => {
    fc.assert(
      fc.property(rules, requests, responses, (rule, request, response) => {
        const held = holdQuantity(rule, request)
        const used = usedQuantity(rule, { request, response }, held)
        expect(Number.isSafeInteger(held)).toBe(true)
        expect(Number.isSafeInteger(used)).toBe(true)
        expect(used).toBeGreaterThanOrEqual(0)
        const charge = capCharge({ price: rule, quantity: held }, { quantity: used })
        const { shortfall = 0 } = charge
        expect(charge.quantity).toBe(Math.min(used, held))
        expect(charge.credits).toBe(credits(rule, charge.quantity))
        expect(charge.credits + shortfall).toBe(creditsUpTo(rule, used, 10 ** 12))
      }),
      { numRuns: 2000 },
    )
  })

  test('the quantity that credits buy is the largest that they do', () => {
    const metered = fc.constantFrom(perToken, { ...perByte, credits: 3 })
    fc.assert(
      fc.property(metered, fc.nat({ max: 1_000_000 }), (rule, amount) => {
        const quantity = quantityFor(rule, amount)
        expect(credits(rule, quantity)).toBeLessThanOrEqual(amount)
        expect(credits(rule, quantity + 1)).toBeGreaterThan(amount)
      }),
    )
  })

  test('a larger quantity never costs less', () => {
    const quantities = fc.nat({ max: 1_000_000 })
    fc.assert(
      fc.property(rules, quantities, quantities, (rule, quantity, more) => {
        const price = credits(rule, quantity)
        expect(credits(rule, quantity + more)).toBeGreaterThanOrEqual(price)
      }),
    )
  })
})

describe('chargeWhen', () => {
  test('only the exact value makes a charge', () => {
    expect(isChargeableByJson(success, { success: true })).toBe(true)
    for (const json of [{ success: false }, { success: 'true' }, { success: 1 }, {}, [], null]) {
      expect(isChargeableByJson(success, json)).toBe(false)
    }
    expect(isChargeableByJson(success, undefined)).toBe(false)
  })

  const head = (status: number, headers: Record<string, string> = {}) => ({
    status,
    headers: new Headers(headers),
  })

  test('a status is charged where it is listed, and no other', () => {
    const condition = { status: [200, 404] }
    for (const status of [200, 201, 204, 304, 400, 404, 422]) {
      expect([status, isChargeableByHead(condition, head(status))]).toEqual([
        status,
        status === 200 || status === 404,
      ])
    }
  })

  test('a header chooses among the 2xx, and none that is absent is equal', () => {
    const miss = { header: 'X-Cache', equals: 'MISS' }
    const notHit = { header: 'X-Cache', not: 'HIT' }
    const charged = (status: number, headers: Record<string, string>) =>
      [miss, notHit].map((condition) => isChargeableByHead(condition, head(status, headers)))
    expect(charged(200, { 'x-cache': 'MISS' })).toEqual([true, true])
    expect(charged(200, { 'x-cache': 'HIT' })).toEqual([false, false])
    expect(charged(200, {})).toEqual([false, true])
    expect(charged(404, { 'x-cache': 'MISS' })).toEqual([false, false])
  })

  test('without one, and with one on the JSON, every 2xx can be charged and nothing else', () => {
    for (const condition of [undefined, success]) {
      for (const status of [200, 202, 204, 206, 299, 304, 400, 404, 499]) {
        expect(isChargeableByHead(condition, head(status))).toBe(status < 300)
      }
    }
  })

  test.each([401, 402, 407, 429, 300, 302, 500, 503])('%i reaches no client', (status) => {
    expect(isPassedOn(status, { conditional: true })).toBe(false)
  })

  test('a 304 reaches a client who could ask for it', () => {
    expect([isPassedOn(304, { conditional: true }), isPassedOn(304, {})]).toEqual([true, false])
  })

  test('of those that are about the gateway, the ones that the route says reach a client', () => {
    const passed = [400, 401, 402, 407, 429, 500].filter((status) =>
      isPassedOn(status, { passStatuses: [401, 407] }),
    )
    expect(passed).toEqual([400, 401, 407])
  })

  test('without it every success is charged', () => {
    expect(isChargeableByJson(undefined, undefined)).toBe(true)
  })
})

test('the response has to be read only where its price depends on it', () => {
  expect(readsResponse({ price: perSuccess })).toBe(true)
  expect(readsResponse({ price: perSecond })).toBe(true)
  expect(readsResponse({ price: perToken })).toBe(true)
  expect(readsResponse({ price: perRequest, chargeWhen: success })).toBe(true)
  for (const price of [free, perRequest, perItem, perCharacter, perByte]) {
    expect(readsResponse({ price })).toBe(false)
  }
})
