import { expect, test } from 'bun:test'
import { allowanceOfMonth } from '../../src/pricing/allowance-of-month.ts'

const now = Date.parse('2028-02-29T23:59:59.999Z')

test.each([
  ['2028-01-31T23:59:59.999Z', 1_000],
  ['2028-02-01T00:00:00Z', 1_000],
  ['2028-02-01T23:59:59.999Z', 1_000],
  // 28 of 29 days: 965.52.
  ['2028-02-02T00:00:00Z', 966],
  ['2028-02-29T00:00:00Z', 35],
  ['2028-02-29T23:59:59.999Z', 35],
])('taken at %s, a prorated plan of 1,000 gives %p in February 2028', (takenAt, expected) => {
  const plan = { credits: 1_000, firstMonth: 'prorated' } as const
  expect(allowanceOfMonth(plan, { takenAt: Date.parse(takenAt), now })).toBe(expected)
})

test('the largest plan is prorated to the credit', () => {
  const at = {
    takenAt: Date.parse('2030-01-31T12:00:00Z'),
    now: Date.parse('2030-01-31T13:00:00Z'),
  }
  const plan = { credits: 1_000_000_000_000, firstMonth: 'prorated' } as const
  expect(allowanceOfMonth(plan, at)).toBe(Number((1_000_000_000_000n + 30n) / 31n))
})
