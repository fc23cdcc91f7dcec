/** Rates from a published catalogue of models: exact, marked up, rounded up, and refused where a price by kinds cannot say them. */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { parse as parseYaml } from 'yaml'
import { writeRates } from '../../src/config/import/write-rates.ts'
import { ceiling, parseDecimal, product } from '../../src/lib/decimal.ts'
import { catalogueRates } from '../../src/pricing/model-catalogue.ts'
import type { PriceRule } from '../../src/pricing/price-rule.ts'
import { shortPriceText } from '../../src/pricing/price-text.ts'

const decimal = (text: string) => parseDecimal(text) ?? { units: -1n, scale: 0 }
const terms = {
  ...{ only: ['*'], ignore: [] as readonly string[] },
  ...{ markup: decimal('1'), credits: decimal('1000000') },
}
const rates = (entry: string, more: object = {}) =>
  catalogueRates(`{ "m": { ${entry} } }`, { ...terms, ...more })
const plain = '"input_cost_per_token": 1.25e-06, "output_cost_per_token": 1e-05'

describe('a decimal number', () => {
  test.each([
    ['0', 0n],
    ['2', 2n],
    ['2.0', 2n],
    ['2.0000000000000000000000001', 3n],
    ['1.25e2', 125n],
    ['1.25E+1', 13n],
    ['1.25e-06', 1n],
    ['1e20', 100_000_000_000_000_000_000n],
  ])('%s is read as it is written, and rounded up', (text, whole) => {
    expect(ceiling(decimal(text))).toBe(whole)
  })

  test.each(['', '-1', '1.', '.5', '1e', '1e999', '0x10', ' 1', 'NaN', '1'.repeat(101)])(
    '%j is none',
    (text) => {
      expect(parseDecimal(text)).toBeUndefined()
    },
  )

  test('multiplied is exact, whatever binary fractions make of it', () => {
    // 0.1 × 3 is 0.30000000000000004 in binary, which is rounded up to 4.
    expect(ceiling(product([decimal('0.1'), decimal('3'), decimal('10')]))).toBe(3n)
  })
})

describe('rates', () => {
  test('are credits for a million tokens, by kind', () => {
    const kinds = `${plain}, "cache_read_input_token_cost": 3.125e-07, "cache_creation_input_token_cost": 1.5625e-06,
      "output_cost_per_reasoning_token": 9e-6, "max_tokens": 4096, "supports_vision": true, "source": "https://x.example"`
    expect(rates(kinds)).toEqual({
      refused: [],
      rates: {
        m: {
          ...{ input: 1_250_000, cached: 312_500, cacheWrite: 1_562_500 },
          ...{ output: 10_000_000, reasoning: 9_000_000 },
        },
      },
    })
  })

  test('are marked up exactly and rounded up to whole credits', () => {
    expect(rates(plain, { markup: decimal('1.2') }).rates.m).toEqual({
      input: 1_500_000,
      output: 12_000_000,
    })
    expect(rates(plain, { credits: decimal('0.3') }).rates.m).toEqual({ input: 1, output: 3 })
  })

  test('are what a second arithmetic makes of them', () => {
    const cost = fc.tuple(fc.bigInt(0n, 10n ** 9n), fc.integer({ min: 6, max: 18 }))
    fc.assert(
      fc.property(cost, fc.integer({ min: 1, max: 500 }), ([units, exponent], percent) => {
        const markup = decimal(
          `${Math.floor(percent / 100)}.${String(percent % 100).padStart(2, '0')}`,
        )
        const found = rates(
          `"input_cost_per_token": ${units}e-${exponent}, "output_cost_per_token": 1`,
          { markup, credits: decimal('100') },
        ).rates.m
        const [top, bottom] = [units * BigInt(percent) * 10n ** 6n, 10n ** BigInt(exponent)]
        const exact = (top + bottom - 1n) / bottom
        expect(BigInt(found?.input ?? -1)).toBe(exact)
      }),
    )
  })

  test.each([
    ['input_cost_per_token_above_200k_tokens', '2.5e-06'],
    ['input_cost_per_token_priority', '5e-06'],
    ['output_cost_per_image', '0.04'],
    ['search_context_cost_per_query', '{ "search_context_size_low": 0.01 }'],
    ['tiered_pricing', '[{ "range": [0, 1000], "input_cost_per_token": 1e-6 }]'],
    ['a_cost_nobody_knows', '1'],
    ['regional_uplift', '1.1'],
    ['provider_specific_entry', '{ "us": 1.1, "fast": 6.0 }'],
    ['regional_factor', '1.1'],
    ['surcharges', '[[{ "region": "us", "factor": 1.1 }]]'],
  ])('that a price by kinds cannot say are refused by name: %s', (name, value) => {
    const entry = `${plain}, "${name}": ${value}`
    expect(rates(entry)).toEqual({
      rates: {},
      refused: [`m: has rates that are not by the kind of token: ${name}`],
    })
    expect(rates(entry, { ignore: [name] }).refused).toEqual([])
    expect(rates(entry, { ignore: ['x', `${name.slice(0, 6)}*`] }).rates.m).toEqual({
      input: 1_250_000,
      output: 10_000_000,
    })
  })

  test('of 0 and null are no rates, but for kinds of tokens, which then cost nothing', () => {
    const of = (more: string) => rates(`${plain}, ${more}`)
    const paid = { input: 1_250_000, output: 10_000_000 }
    const none = of('"output_cost_per_image": 0.0, "regional_factor": 0, "tiered_pricing": null')
    expect(none).toEqual({ rates: { m: paid }, refused: [] })
    expect(of('"cache_read_input_token_cost": null').rates.m).toEqual(paid)
    expect(of('"cache_read_input_token_cost": 0').rates.m).toEqual({ ...paid, cached: 0 })
    const free = '"input_cost_per_token": 0.0, "output_cost_per_token": 0e-6'
    expect(rates(free).rates.m).toEqual({ input: 0, output: 0 })
  })

  test('are taken from beside figures that say nothing of money', () => {
    const figures = `"max_tokens": 4096, "max_images_per_prompt": 5, "output_vector_size": 3072, "rpm": 2000, "tpm": 800000,
      "prompt_cache_min_tokens": 1024, "tool_use_system_prompt_tokens": 346, "metadata": { "notes": "x" },
      "supported_modalities": ["text"], "mode": "chat", "supports_vision": true`
    expect(rates(`${plain}, ${figures}`).refused).toEqual([])
  })

  test.each([
    ['"output_cost_per_token": 1e-6', 'm: says no input_cost_per_token'],
    [
      '"input_cost_per_token": "1e-6", "output_cost_per_token": 1e-6',
      'm: input_cost_per_token is no cost of a token',
    ],
    [
      '"input_cost_per_token": -1e-6, "output_cost_per_token": 1e-6',
      'm: input_cost_per_token is no cost of a token',
    ],
    [
      '"input_cost_per_token": 1e9, "output_cost_per_token": 1e-6',
      'm: input_cost_per_token is no cost of a token',
    ],
    [
      `${plain}, "output_cost_per_reasoning_token": 2e-5`,
      'm: output_cost_per_reasoning_token is more than output_cost_per_token',
    ],
  ])('of %s are refused', (entry, reason) => {
    expect(rates(entry)).toEqual({ rates: {}, refused: [reason] })
  })

  test('are those of the models that are named, and a name that is not there is said', () => {
    const text = `{ "a/one": { ${plain} }, "a/two": { ${plain} }, "a.one": { ${plain} } }`
    const only = (...only: string[]) => catalogueRates(text, { ...terms, only })
    expect(Object.keys(only('a/*').rates)).toEqual(['a/one', 'a/two'])
    expect(Object.keys(only('a.one').rates)).toEqual(['a.one'])
    expect(only('a', 'a/one').refused).toEqual(['a: is not in the file'])
  })
})

test('a price names the files of its rates, and so does one that was published with a single file', () => {
  const file = (letter: string) => ({ sha256: letter.repeat(64), markup: '1', credits: '1' })
  const text = (catalogue: unknown) =>
    shortPriceText({ per: 'token', perMillion: 7, catalogue } as PriceRule)
  expect(text(undefined)).toBe('7 credits per million tokens')
  expect(text(file('a'))).toBe('7 credits per million tokens, from the file aaaaaaaaaaaa')
  expect(text([file('a'), file('b'), file('a')])).toBe(
    '7 credits per million tokens, from the files aaaaaaaaaaaa, bbbbbbbbbbbb',
  )
})

describe('written into a configuration', () => {
  const imported = {
    rates: { new: { input: 3, output: 4 }, 'a/b:c d': { input: 5, output: 6 } },
    catalogue: {
      ...{ sha256: 'a'.repeat(64), markup: '1.2', credits: '1000000' },
      models: ['new', 'a/b:c d'],
    },
  }
  const written = (price: string, route = 'chat') => {
    const text = `# Head\nroutes:\n  chat:\n    path: /chat # here\n    ${price}\n\n    streams: [a,   b]\n  other: {   x: 1 }\n`
    const changed = writeRates(text, route, imported).text
    expect(
      changed.startsWith('# Head\nroutes:\n  chat:\n    path: /chat # here\n    price:'),
    ).toBeTrue()
    expect(changed).toEndWith('\n\n    streams: [a,   b]\n  other: {   x: 1 }\n')
    return parseYaml(changed).routes.chat
  }
  const table = { ...imported.rates, old: { input: 1, output: 2 } }

  test('they join the table, and nothing else of the file changes', () => {
    const price =
      'price:\n      per: token # a comment\n      by: /model\n      perMillion:\n        old: { input: 1, output: 2 }\n      hold: { most: 1 }'
    expect(written(price).price).toEqual({
      ...{ per: 'token', by: '/model', perMillion: table, hold: { most: 1 } },
      catalogue: [imported.catalogue],
    })
  })

  test.each([
    'price: { per: token, unit: 100, credits: 1, hold: { most: 1 } }',
    'price: { per: token, perMillion: { input: 1, output: 2 }, hold: { most: 1 } }',
    'price:\n      per: token\n      perMillion: 7\n      hold:\n        most: 1',
  ])('they take the place of a single rate: %j', (price) => {
    expect(written(price).price).toEqual({
      ...{ per: 'token', by: '/model', perMillion: imported.rates, hold: { most: 1 } },
      catalogue: [imported.catalogue],
    })
  })

  test('they go into the component of a list that counts tokens', () => {
    const price =
      'price:\n      - { name: base, per: request, credits: 1 }\n      - { name: t, per: token, perMillion: 1 }'
    expect(written(price).price).toEqual([
      { name: 'base', per: 'request', credits: 1 },
      {
        name: 't',
        per: 'token',
        by: '/model',
        perMillion: imported.rates,
        catalogue: [imported.catalogue],
      },
    ])
  })

  test('a route on one line stays on one', () => {
    const text = 'routes: { chat: { price: { per: token, perMillion: 1 }, path: /x } }\n'
    const changed = writeRates(text, 'chat', imported).text
    expect(parseYaml(changed).routes.chat).toMatchObject({
      price: { perMillion: imported.rates },
      path: '/x',
    })
  })

  test('of another file leave what the price says of the others', () => {
    const of = (sha256: string, ...models: string[]) => ({
      rates: Object.fromEntries(models.map((model) => [model, { input: 1, output: 2 }])),
      catalogue: { sha256: sha256.repeat(64), markup: '1', credits: '1', models },
    })
    const first = 'routes:\n  chat:\n    price:\n      per: token\n      perMillion: 1\n'
    const imports = [of('a', 'one', 'two', 'three'), of('b', 'two'), of('c', 'one', 'three')]
    const texts = [first]
    for (const next of imports) texts.push(writeRates(texts.at(-1) ?? '', 'chat', next).text)
    const entries = texts.map((text) =>
      parseYaml(text).routes.chat.price.catalogue?.map(
        ({ sha256, models }: { sha256: string; models: string[] }) => [sha256[0], ...models],
      ),
    )
    expect(entries).toEqual([
      undefined,
      [['a', 'one', 'two', 'three']],
      [
        ['a', 'one', 'three'],
        ['b', 'two'],
      ],
      [
        ['b', 'two'],
        ['c', 'one', 'three'],
      ],
    ])
    const withoutTwo = (texts[2] ?? '').replace(/ +two: .*\n/, '')
    const again = parseYaml(writeRates(withoutTwo, 'chat', of('d', 'one')).text)
    expect(again.routes.chat.price.catalogue).toMatchObject([
      { models: ['three'] },
      { models: ['one'] },
    ])
  })

  test('an anchor stays where it was', () => {
    const price = 'price: &p\n      per: token\n      perMillion: 1'
    const text = `routes:\n  chat:\n    ${price}\n  other:\n    price: *p\n`
    const changed = writeRates(text, 'chat', imported)
    const { chat, other } = parseYaml(changed.text).routes
    expect(other.price).toEqual(chat.price)
    expect(changed.alsoChanged).toEqual(['other'])
    expect(() => writeRates(text, 'other', imported)).toThrow('routes.other has no price')
  })

  test('every route that changes with an anchor in the price is named, and no other', () => {
    const text = `routes:\n  chat:\n    price:\n      per: token\n      by: /model\n      perMillion: &rates\n        old: { input: 1, output: 2 }
  a: { price: { per: token, by: /model, perMillion: *rates } }\n  b: { price: { per: token, perMillion: 1 } }\n`
    expect(writeRates(text, 'chat', imported).alsoChanged).toEqual(['a'])
    expect(writeRates(text, 'b', imported).alsoChanged).toEqual([])
    // Its table is a copy from then on, with the models that were in it.
    const copied = writeRates(text, 'a', imported)
    expect(copied.alsoChanged).toEqual([])
    expect(parseYaml(copied.text).routes.a.price.perMillion).toEqual(table)
  })

  test.each([
    ['by: /model, credits: { small: 2, large: 5 }, unit: 1000', 'has a table of `credits`'],
    ['credits: &c { small: 2 }, by: /model', 'has a table of `credits`'],
    ['by: /quality, perMillion: { low: 1 }', 'goes `by` something that is not the model'],
    ['by: /model/quality, perMillion: { low: 1 }', 'goes `by` something that is not the model'],
    ['by: /supermodel, perMillion: { low: 1 }', 'goes `by` something that is not the model'],
    ['by: method, perMillion: { GET: 1 }', 'goes `by` something that is not the model'],
    ['by: { query: tier }, perMillion: { low: 1 }', 'goes `by` something that is not the model'],
  ])(
    'rates that could not stay, or would be of something else, are refused: %s',
    (rest, reason) => {
      expect(() => written(`price: { per: token, ${rest}, hold: { most: 1 } }`)).toThrow(
        `routes.chat.price ${reason}`,
      )
    },
  )

  test.each(['/model', '/request/modelId', '{ parameter: model }', '{ query: model_name }'])(
    'they join a table that goes by the model: %s',
    (by) => {
      const price = `price: { per: token, by: ${by}, perMillion: { old: { input: 1, output: 2 } } }`
      expect(written(price).price.perMillion).toEqual(table)
    },
  )

  test.each([
    'per: token # c1\n      # c2\n      perMillion: 1 # c3\n      hold: { most: 1 } # c4\n    # c5',
    '# c1\n      per: token\n      perMillion: 1\n      hold:\n        most: 1 # c2\n          # c3\n        # c4\n      # c5\n\n    # c6\n  # c7',
    'per: token\n      by: /model\n      perMillion:\n        old: { input: 1, output: 2 } # c1\n        # c2\n      # c3',
    '- per: request\n      - name: t # c1\n        per: token\n        perMillion: 1 # c2\n        # c3\n      # c4\n# c5',
    '- per: token\n        perMillion: 1\n        # c1\n      - per: request # c2\n      # c3',
  ])(
    'every comment in and behind a price stands once, and what is behind it stays: %j',
    (price) => {
      for (const next of ['', '    path: /chat # next\n', '  other: {} # next\n']) {
        const text = `routes:\n  chat:\n    price:\n      ${price}\n${next}`
        const changed = writeRates(text, 'chat', imported).text
        expect(changed.match(/#.*/g)?.toSorted()).toEqual(text.match(/#.*/g)?.toSorted())
        const behind = /(\n *# c\d)+\n*$/.exec(price)?.[0] ?? ''
        expect(changed).toEndWith(`${behind}\n${next}`)
      }
    },
  )

  test('they need a price per token', () => {
    expect(() => written('price: { per: free }')).toThrow(
      'routes.chat has no price `per: token` of its own, with `hold`. Write one with `perMillion: 1`',
    )
    expect(() => written('price: { per: token }', 'chats')).toThrow('there is no route chats')
  })
})
