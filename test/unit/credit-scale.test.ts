/** Credits as people read them: exact, whatever the figure. */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { creditsText, formatCredits, formatPartsOfCredits } from '../../src/lib/credit-scale.ts'

const euro = { name: 'EUR', decimals: 6 }

test.each([
  [150, euro, '€0.000150'],
  [0, euro, '€0.000000'],
  [-1_500_000, euro, '-€1.500000'],
  ['123456789012345678901234', euro, '€123,456,789,012,345,678.901234'],
  [1_234, { name: 'EUR', decimals: 0 }, '€1,234'],
  [1_234, { name: 'JPY', decimals: 1 }, '¥123.4'],
  [1_234, { name: 'USD', decimals: 2 }, '$12.34'],
  [1_234, { name: 'CAD', decimals: 2 }, 'CA$12.34'],
  [1_234, { name: 'SEK', decimals: 2 }, '12.34 SEK'],
  [1_234, { name: 'points', decimals: 2 }, '12.34 points'],
  [1_234, { name: 'XYZ', decimals: 2 }, '12.34 XYZ'],
  [1_234, undefined, '1,234'],
])('%p shown as %p is %s', (credits, scale, text) => {
  expect(formatCredits(credits, scale)).toBe(text)
})

test('no two currencies look the same', () => {
  const currencies = Intl.supportedValuesOf('currency')
  const shown = currencies.map((name) => formatCredits(1_234, { name, decimals: 2 }))
  expect(currencies.length).toBeGreaterThan(100)
  expect(new Set(shown).size).toBe(currencies.length)
})

test('a sentence says credits where there is no scale', () => {
  expect([1, 2_000].map((credits) => creditsText(credits))).toEqual(['1 credit', '2,000 credits'])
  expect(creditsText(1, euro)).toBe('€0.000001')
})

test('parts of credits keep their six decimals', () => {
  expect(formatPartsOfCredits('15091.440000', euro)).toBe('€0.015091440000')
  expect(formatPartsOfCredits('15091.440000', undefined)).toBe('15091.440000')
})

test('no digit is lost, and none is made up', () => {
  fc.assert(
    fc.property(fc.bigInt(-(10n ** 30n), 10n ** 30n), fc.nat({ max: 12 }), (credits, decimals) => {
      const text = formatCredits(credits, { name: 'EUR', decimals })
      expect(BigInt(text.replace(/[€,.]/g, ''))).toBe(credits)
      expect(text.split('.')[1]?.length ?? 0).toBe(decimals)
    }),
  )
})
