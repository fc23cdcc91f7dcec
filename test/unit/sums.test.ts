import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { formatMoney, formatNumber } from '../../src/lib/format-figures.ts'
import {
  addSums,
  compareSums,
  multiplySums,
  ratioOfSums,
  subtractSums,
  toSum,
} from '../../src/lib/sums.ts'

const integers = fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n })

test('a sum is a number while it is a safe integer, and its digits beyond that', () => {
  expect(toSum(9_007_199_254_740_991n)).toBe(9_007_199_254_740_991)
  expect(toSum(9_007_199_254_740_992n)).toBe('9007199254740992')
  expect(addSums(9_007_199_254_740_991, 1)).toBe('9007199254740992')
  expect(subtractSums('9007199254740992', 1)).toBe(9_007_199_254_740_991)
  expect(subtractSums(0, 0)).toBe(0)
  expect(addSums()).toBe(0)
})

test('sums are counted with exactly', () => {
  fc.assert(
    fc.property(integers, integers, (a, b) => {
      const [first, second] = [toSum(a), toSum(b)]
      expect(BigInt(addSums(first, second))).toBe(a + b)
      expect(BigInt(subtractSums(first, second))).toBe(a - b)
      expect(BigInt(multiplySums(first, second))).toBe(a * b)
      expect(Math.sign(compareSums(first, second))).toBe(a < b ? -1 : a > b ? 1 : 0)
    }),
  )
})

test('a part of nothing is nothing', () => {
  expect(ratioOfSums(0, 0)).toBe(0)
  expect(ratioOfSums('20000000000000000', '40000000000000000')).toBe(0.5)
})

test('people read them as other figures', () => {
  expect(formatNumber('10000000000000001')).toBe('10,000,000,000,000,001')
  expect(formatMoney({ minorUnits: '10000000000000001', currency: 'EUR' })).toBe(
    'EUR 100000000000000.01',
  )
  expect(formatMoney({ minorUnits: 5, currency: 'EUR' })).toBe('EUR 0.05')
  expect(formatMoney({ minorUnits: 4_900, currency: 'JPY' })).toBe('JPY 4900')
})
