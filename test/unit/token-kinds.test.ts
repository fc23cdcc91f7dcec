/** Tokens with a rate for each kind: held at the most expensive one, charged by what the usage says, and never for more than is held. */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { capCharge } from '../../src/gate/reservation/reservation.ts'
import { boundOf, isCovered, withQuantity, withTokens } from '../../src/pricing/counting.ts'
import { priceAgain } from '../../src/pricing/price-again.ts'
import {
  credits,
  creditsUpTo,
  exactCredits,
  quantityAsHeld,
  quantityFor,
  quantityToCover,
} from '../../src/pricing/price-arithmetic.ts'
import type { NamedComponent, PriceRule } from '../../src/pricing/price-rule.ts'
import type { TokenPrice } from '../../src/pricing/rules/per-token.ts'
import { statedUsage } from '../../src/pricing/stated-usage.ts'
import { openai } from '../../src/providers/openai.ts'
import { parse, withChange } from '../support/small-config.ts'

const { settle, kinds } = openai.ofTokenRoutes
const chat = {
  per: 'token',
  by: '/model',
  perMillion: {
    large: { input: 2_500_000, cached: 1_250_000, cacheWrite: 3_000_000, output: 10_000_000 },
    small: { input: 150_000, output: 600_000, reasoning: 500_000 },
  },
  hold: { bytesPerToken: 4, limit: ['/max_tokens'], most: 500, step: 64 },
  settle: { ...settle, kinds },
} as never as TokenPrice
const kindsIn = ({ settle }: TokenPrice, json: unknown) => statedUsage(settle, json)?.kinds
const request = { json: { model: 'large' }, bytes: 400, method: 'POST' }

const usage = (input: number, cached: number, output: number, reasoning: number) => ({
  usage: {
    prompt_tokens: input + cached,
    prompt_tokens_details: { cached_tokens: cached },
    completion_tokens: output + reasoning,
    completion_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + cached + output + reasoning,
  },
})

describe('a hold', () => {
  test('is at the most expensive kind of the request, and of the response at that of output', () => {
    const held = boundOf(chat, request)
    expect(held).toEqual({
      ...{ quantity: 600, by: 'large' },
      parts: { input: 0, cacheWrite: 100, output: 500 },
    })
    expect(credits(chat, held)).toBe(100 * 3 + 500 * 10)
    const small = boundOf(chat, { ...request, json: { model: 'small' } })
    expect(small.parts).toEqual({ input: 100, output: 500 })
    expect(credits(chat, small)).toBe(15 + 300)
  })

  test('of a stream is for one step, and grows by output', () => {
    const held = boundOf(chat, { ...request, streams: true })
    expect(held.parts).toEqual({ input: 0, cacheWrite: 100, output: 64 })
    const grown = withQuantity(chat, held, 264)
    expect(grown).toMatchObject({ quantity: 264, parts: { cacheWrite: 100, output: 164 } })
    expect(withQuantity(chat, held, 40)).toMatchObject({ parts: { cacheWrite: 40, output: 0 } })
    expect(quantityFor(chat, held, 300 + 10 * 9)).toBe(109)
    expect(quantityFor(chat, held, 100)).toBe(0)
  })
})

describe('a usage', () => {
  test('says the kinds, of which the whole contains the parts', () => {
    expect(kindsIn(chat, usage(70, 30, 20, 5))).toEqual({
      ...{ input: 70, cached: 30, output: 20, reasoning: 5 },
    })
    const plain = { usage: { prompt_tokens: 7, completion_tokens: 0, total_tokens: 7 } }
    expect(kindsIn(chat, plain)).toEqual({ input: 7, output: 0 })
    const nulls = { usage: { ...plain.usage, prompt_tokens_details: { cached_tokens: null } } }
    expect(kindsIn(chat, nulls)).toEqual({ input: 7, output: 0 })
  })

  test.each([
    ['more of a part than of the whole', { prompt_tokens_details: { cached_tokens: 101 } }],
    ['another total', { total_tokens: 126 }],
    ['no total', { total_tokens: undefined }],
    ['no whole', { completion_tokens: undefined }],
    ['what is no count', { prompt_tokens_details: { cached_tokens: '30' } }],
    ['less than nothing', { completion_tokens_details: { reasoning_tokens: -1 } }],
  ])('with %s says none', (_, wrong) => {
    const { usage: said } = usage(70, 30, 20, 5)
    expect(kindsIn(chat, { usage: { ...said, ...wrong } })).toBeUndefined()
  })

  test('without kinds counts all: what the request had as it was held, and the rest as output', () => {
    const held = boundOf(chat, request)
    expect(withTokens(chat, held, 130, undefined).parts).toEqual({
      ...{ input: 0, cacheWrite: 100, output: 30 },
    })
    const said = kindsIn(chat, usage(70, 30, 20, 5))
    expect(withTokens(chat, held, 125, said)).toMatchObject({
      quantity: 125,
      parts: { cached: 30 },
    })
    // The kinds of another usage than that which counts.
    expect(withTokens(chat, held, 126, said).parts).not.toHaveProperty('cached')
  })
})

test('another shape says where its kinds stand, and what contains what', () => {
  const pointers = {
    ...{ input: '/u/in', cached: '/u/read', cacheWrite: '/u/write', output: '/u/out' },
    contained: [],
  }
  const other = {
    ...chat,
    settle: { usage: '/u/total', each: ['/text'], kinds: pointers },
  } as never as TokenPrice
  const said = { u: { in: 5, read: 90, write: 5, out: 7, total: 107 } }
  expect(kindsIn(other, said)).toEqual({ input: 5, cached: 90, cacheWrite: 5, output: 7 })
})

describe('in the configuration', () => {
  const route = (price: string, more = '') =>
    parse(
      withChange('price: { per: request, credits: 1 }', `${more}price: ${price}`).replace(
        /json: \{.*\} \}/,
        'json: { type: object, properties: { model: { type: string } } } }',
      ),
    )
  const price = (rates: string, settle = '') =>
    `{ per: token, perMillion: ${rates}, hold: { bytesPerToken: 4, limit: [], most: 9, step: 3 }${settle} }`
  const provider = 'provider: openai\n    '

  test('a provider says where the kinds stand, and only where there are rates for them', () => {
    const { price: kinds } = route(price('{ input: 1, output: 2 }'), provider).routes.say ?? {}
    expect(kinds).toMatchObject({ settle: { kinds: { input: '/usage/prompt_tokens' } } })
    const { price: plain } = route(price('2'), provider).routes.say ?? {}
    expect(JSON.stringify(plain)).not.toContain('kinds')
  })

  test('kinds that the documented response does not have are found', () => {
    const said = (usage: string) =>
      route(
        price('{ input: 1, output: 2 }'),
        `provider: anthropic
    response: { json: { type: object, properties: { usage: { type: object, properties: { ${usage} } } } } }
    `,
      )
    const number = '{ type: integer }'
    said(`input_tokens: ${number}, output_tokens: ${number}`)
    expect(() => said(`input_tokens: ${number}`)).toThrow(
      'price.settle.kinds.output: /usage/output_tokens is not in response.json',
    )
  })

  test('a table has a rate for each value that the request can have, and for no other', () => {
    const table = (names: string) => {
      const rates = names.split(' ').map((name) => `${name}: 1`)
      const price = `{ per: request, by: /model, credits: { ${rates.join(', ')} } }`
      return parse(
        withChange('price: { per: request, credits: 1 }', `price: ${price}`).replace(
          /json: \{.*\} \}/,
          'json: { type: object, properties: { model: { enum: [a, 2, null] } } } }',
        ),
      )
    }
    table('a 2')
    table('a else')
    expect(() => table('a')).toThrow('price.by: the table has no 2, which /model can be')
    expect(() => table('a 2 b')).toThrow('price.by: the table has b, which /model cannot be')
    expect(() => table('a b else')).toThrow('the table has b, which /model cannot be')
  })

  test('without a total and kinds nothing says how many there were', () => {
    expect(() => route(price('1', ', settle: { each: [/t] }'))).toThrow(
      'price.settle.usage: missing: nothing says how many tokens there were',
    )
  })

  test('what is wrong with them is said', () => {
    const usage = ', settle: { usage: /u, each: [/t] }'
    expect(() => route(price('{ input: 1, output: 2 }', usage))).toThrow(
      'price.settle.kinds: missing: rates by the kind of token need it',
    )
    expect(() => route(price('{ input: 1, output: 2, reasoning: 3 }'), provider)).toThrow(
      'price.perMillion.reasoning: more than `output` is not held for it',
    )
    const mixed = '{ a: 1, b: { input: 1, output: 2 } }, by: /model'
    expect(() => route(price(mixed), provider)).toThrow('must have them for all')
    expect(() => route(price('{ input: 1, outputs: 2 }'), provider)).toThrow('price.perMillion')
  })
})

/** A second arithmetic. */
function oracle(by: 'large' | 'small', parts: Readonly<Record<string, number>> = {}, base = 0n) {
  const rates: Record<string, Record<string, bigint>> = {
    large: {
      input: 2_500_000n,
      cached: 1_250_000n,
      cacheWrite: 3_000_000n,
      output: 10_000_000n,
      reasoning: 10_000_000n,
    },
    small: {
      input: 150_000n,
      cached: 150_000n,
      cacheWrite: 150_000n,
      output: 600_000n,
      reasoning: 500_000n,
    },
  }
  let millionths = 0n
  for (const [name, quantity] of Object.entries(parts)) {
    const rate = rates[by]?.[name.replace('tokens.', '')]
    if (rate !== undefined) millionths += BigInt(quantity) * rate
  }
  return base + (millionths + 999_999n) / 1_000_000n
}

const tokens = fc.nat({ max: 2_000 })
const list: PriceRule = [
  { name: 'base', per: 'request', credits: 7 },
  { name: 'tokens', ...chat } as NamedComponent,
]

describe('for every usage', () => {
  const calls = fc.record({
    by: fc.constantFrom('large' as const, 'small' as const),
    bytes: fc.nat({ max: 5_000 }),
    streams: fc.boolean(),
    said: fc.tuple(tokens, tokens, tokens, tokens),
    isList: fc.boolean(),
  })

  test('the charge is the exact sum as far as the hold covers it, and the rest is a shortfall', () => {
    fc.assert(
      fc.property(calls, ({ by, bytes, streams, said, isList }) => {
        const price = isList ? list : chat
        const base = isList ? 7n : 0n
        const held = boundOf(price, { ...request, json: { model: by }, bytes, streams })
        const json = usage(...said)
        const used = withTokens(price, held, json.usage.total_tokens, kindsIn(chat, json))
        const exact = oracle(by, used.parts, base)
        expect(BigInt(exactCredits(price, used) ?? -1)).toBe(exact)
        const charge = capCharge({ price, ...held }, used)
        expect(BigInt(charge.credits)).toBe(oracle(by, charge.parts, base))
        expect(charge.credits).toBeLessThanOrEqual(credits(price, held))
        expect(BigInt(charge.credits + (charge.shortfall ?? 0))).toBe(exact)
        expect(exactCredits(price, charge)).toBe(charge.credits)
        expect(priceAgain(price, price, charge)).toBe(charge.credits)
      }),
      { numRuns: 1_000 },
    )
  })

  test('a hold that has grown to what it must covers all of it, and no token less would', () => {
    fc.assert(
      fc.property(calls, ({ by, bytes, streams, said, isList }) => {
        const price = isList ? list : chat
        const held = boundOf(price, { ...request, json: { model: by }, bytes, streams })
        const json = usage(...said)
        const used = withTokens(price, held, json.usage.total_tokens, kindsIn(chat, json))
        const quantity = quantityToCover(price, held, used)
        const grown = withQuantity(price, held, quantity)
        const charge = capCharge({ price, ...grown }, used)
        expect(charge.shortfall).toBeUndefined()
        expect(charge.credits).toBe(creditsUpTo(price, used, 10 ** 12))
      }),
      { numRuns: 1_000 },
    )
  })

  test('so much of what is held as costs what was charged is never dearer, and not a token cheaper', () => {
    fc.assert(
      fc.property(calls, ({ by, bytes, said, isList }) => {
        const price = isList ? list : chat
        const held = boundOf(price, { ...request, json: { model: by }, bytes, streams: true })
        const json = usage(...said)
        const used = withTokens(price, held, json.usage.total_tokens, kindsIn(chat, json))
        const grown = withQuantity(price, held, quantityToCover(price, held, used))
        const charge = capCharge({ price, ...grown }, used)
        const same = withQuantity(price, held, quantityAsHeld(price, grown, charge))
        expect(isCovered(same, grown)).toBe(true)
        expect(credits(price, same)).toBeLessThanOrEqual(charge.credits)
        expect(credits(price, same)).toBeGreaterThanOrEqual(charge.credits - 10)
      }),
      { numRuns: 1_000 },
    )
  })

  test('along the way, as many are covered as are sent', () => {
    fc.assert(
      fc.property(tokens, fc.boolean(), (more, isList) => {
        const price = isList ? list : chat
        const held = boundOf(price, { ...request, streams: true })
        const sent = withQuantity(price, held, 100 + more)
        expect(quantityToCover(price, held, sent)).toBe(100 + more)
      }),
    )
  })
})

test('priced again, kinds are those that were recorded, and all of them where the other price has none', () => {
  const counted = { quantity: 125, by: 'large', parts: { input: 70, cached: 30, output: 25 } }
  const dearer = {
    ...chat,
    perMillion: { large: { input: 4_000_000, output: 20_000_000 } },
  } as never
  expect(priceAgain(chat, dearer, counted)).toBe(100 * 4 + 25 * 20)
  const plain = { ...chat, by: undefined, perMillion: 1_000_000 } as never as PriceRule
  expect(priceAgain(chat, plain, counted)).toBe(125)
  expect(priceAgain(plain, chat, { quantity: 125 })).toBeUndefined()
})
