/** What clients read when the ledger refuses a hold: money in the text where credits are shown as money, and whole credits beside it. */
import { expect, test } from 'bun:test'
import { refusalOfVerdict } from '../../src/gate/reservation/refusal-of-verdict.ts'
import type { AppendResult, Verdict } from '../../src/ledger/append/call-commands.ts'
import type { KeyRecord } from '../../src/ledger/read/read-key-by-hash.ts'
import type { CreditScale } from '../../src/lib/credit-scale.ts'

function refusal(verdict: Verdict, required: number, available: number, scale?: CreditScale) {
  const exceeded = { name: 'key key_1 day UTC', credits: 9_000, endsAt: new Date(90_500) }
  const result = { verdict, shard: 0, position: 7n, available, recordedAt: new Date(0), exceeded }
  return refusalOfVerdict(result as unknown as AppendResult, required, {} as KeyRecord, scale)
}

const euro = { name: 'EUR', decimals: 6 }

test.each([
  ['insufficient_credits', 'This call needs €0.005000 and €0.004999 is available.'],
  ['key_cap_reached', "This call needs €0.005000 and the key's monthly cap leaves €0.004999."],
  [
    'budget_exceeded',
    'This call needs €0.005000 and budgets leave €0.004999: the budget of the key per day (UTC) begins anew at 1970-01-01T00:01:30.500Z.',
  ],
] as const)('%s', (verdict, detail) => {
  expect(refusal(verdict, 5_000, 4_999, euro)).toMatchObject({
    ...{ code: verdict, detail, extensions: { required: 5_000, available: 4_999 } },
  })
})

test('without a scale credits are counted', () => {
  expect(refusal('insufficient_credits', 1, 0).detail).toBe(
    'This call needs 1 credit and 0 are available.',
  )
})

test('what no call can cost is said in the same way', () => {
  expect(refusal('amount_out_of_range', 1, 0, euro).detail).toStartWith(
    'This call could cost more than €1,000,000.000000, which',
  )
  expect(refusal('amount_out_of_range', 1, 0).detail).toStartWith(
    'This call could cost more than 1,000,000,000,000 credits, which',
  )
})

test('a budget is waited for only where it can be enough', () => {
  const { extensions, headers } = refusal('budget_exceeded', 9_000, 4_999)
  expect(extensions).toMatchObject({
    budget: 'key key_1 day UTC',
    resetsAt: '1970-01-01T00:01:30.500Z',
  })
  expect(headers).toEqual({ 'Retry-After': '91' })
  const never = refusal('budget_exceeded', 9_001, 4_999)
  expect(never.detail).toBe(
    'This call needs 9001 credits and the budget of the key per day (UTC) is 9000.',
  )
  expect(never.headers).toBeUndefined()
})
