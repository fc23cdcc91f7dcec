import { expect, test } from 'bun:test'
import { isKnown } from '../../src/reports/usage/is-known.ts'
import { readTopUsers } from '../../src/reports/usage/top-users.ts'
import { readUsageByDay } from '../../src/reports/usage/usage-by-day.ts'
import { readUsageOverview } from '../../src/reports/usage/usage-overview.ts'
import { readUsageSummary } from '../../src/reports/usage/usage-summary.ts'
import { buildLedger, type LedgerBuilder, type TestKey } from '../support/ledger-builder.ts'

const october = { from: '2031-10-01', to: '2031-10-31' }

test("a key's usage by day and endpoint has calls, failures, credits, quantity and latency", async () => {
  await using ledger = await buildLedger()
  const { first, second } = await twoKeys(ledger)
  expect([...(await readUsageByDay(ledger.sql, { keyId: first.keyId, ...october }))]).toEqual([
    {
      date: '2031-10-06',
      endpoint: 'search',
      requests: 1,
      errors: 0,
      credits: 3,
      avgLatencyMs: 20,
      quantity: 1,
    },
    {
      date: '2031-10-05',
      endpoint: 'search',
      requests: 2,
      errors: 1,
      credits: 3,
      avgLatencyMs: 13,
      quantity: 1,
    },
    {
      date: '2031-10-05',
      endpoint: 'voices',
      requests: 10,
      errors: 0,
      credits: 0,
      avgLatencyMs: 5,
      quantity: 10,
    },
  ])
  const ofAccount = await readUsageByDay(ledger.sql, { accountId: first.accountId, ...october })
  expect(ofAccount.map(({ endpoint, credits }) => [endpoint, credits])).toEqual([
    ['search', 3],
    ['search', 3],
    ['speech', 8],
    ['voices', 0],
  ])
  const day = { from: '2031-10-06', to: '2031-10-06' }
  expect(await readUsageByDay(ledger.sql, { keyId: first.keyId, ...day })).toHaveLength(1)
  expect(await readUsageByDay(ledger.sql, { keyId: second.keyId, ...day })).toHaveLength(0)
})

test('a summary adds up a month, or all time', async () => {
  await using ledger = await buildLedger()
  const { first } = await twoKeys(ledger)
  const ofOctober = await readUsageSummary(ledger.sql, { keyId: first.keyId, month: '2031-10' })
  expect(ofOctober).toMatchObject({
    ...{ requests: 13, errors: 1, credits: 6, avgLatencyMs: 7 },
    lastUsedAt: '2031-10-06T00:00:00.000Z',
    byEndpoint: [
      { endpoint: 'search', requests: 3, errors: 1, credits: 6, quantity: 2 },
      { endpoint: 'voices', requests: 10, errors: 0, credits: 0 },
    ],
  })
  expect(ofOctober.errorRate).toBeCloseTo(1 / 13)
  expect(await readUsageSummary(ledger.sql, { keyId: first.keyId })).toMatchObject({
    ...{ requests: 14, credits: 10, lastUsedAt: '2031-11-02T00:00:00.000Z' },
  })
})

test('no usage is zero, and nobody to ask about is an error', async () => {
  await using ledger = await buildLedger()
  const key = await ledger.openAccount('free')
  expect(await readUsageSummary(ledger.sql, { keyId: key.keyId })).toEqual({
    ...{ requests: 0, errors: 0, errorRate: 0, credits: 0, avgLatencyMs: null },
    ...{ lastUsedAt: null, byEndpoint: [], refusals: [] },
  })
  expect(readUsageSummary(ledger.sql, {})).rejects.toThrow(TypeError)
  expect(readUsageSummary(ledger.sql, { keyId: key.keyId, month: '2031-13' })).rejects.toThrow(
    RangeError,
  )
  expect(await isKnown(ledger.sql, { keyId: key.keyId })).toBe(true)
  expect(await isKnown(ledger.sql, { accountId: key.accountId })).toBe(true)
  expect(await isKnown(ledger.sql, { keyId: 'key_x' })).toBe(false)
})

test("an account's usage leaves test mode out unless it is asked for", async () => {
  await using ledger = await buildLedger()
  await ledger.at('2031-10-05T00:00:00Z')
  const live = await ledger.openAccount('free')
  const key = await ledger.issueKey(live.account, 'test')
  await ledger.charge(key, { credits: 2 })
  await ledger.catchUp()
  const { accountId } = live
  expect(await readUsageSummary(ledger.sql, { accountId })).toMatchObject({ requests: 0 })
  expect(await readUsageSummary(ledger.sql, { accountId, mode: 'test' })).toMatchObject({
    credits: 2,
  })
  expect(await readUsageSummary(ledger.sql, { keyId: key.keyId })).toMatchObject({ credits: 2 })
  expect(await readTopUsers(ledger.sql, { ...october, limit: 10 })).toEqual([])
  expect((await readUsageOverview(ledger.sql, october)).total).toMatchObject({
    requests: 0,
    accounts: 0,
  })
})

test('operators see usage by plan, day and endpoint', async () => {
  await using ledger = await buildLedger()
  const { first } = await twoKeys(ledger)
  const big = await ledger.openAccount('big')
  await ledger.charge(big, { credits: 100 })
  await ledger.catchUp()
  const days = { from: '2031-10-01', to: '2031-11-30' }
  const { total, byPlan, byDay, byEndpoint } = await readUsageOverview(ledger.sql, days)
  expect(total).toMatchObject({ requests: 16, errors: 1, credits: 118, accounts: 2, keys: 3 })
  expect(byPlan).toMatchObject([
    { plan: 'big', accounts: 1, requests: 1, credits: 100 },
    { plan: 'free', accounts: 1, requests: 15, errors: 1, credits: 18 },
  ])
  expect(byDay.map(({ date, credits }) => [date, credits])).toEqual([
    ['2031-10-05', 11],
    ['2031-10-06', 3],
    ['2031-11-02', 104],
  ])
  expect(byEndpoint.map(({ endpoint, credits }) => [endpoint, credits])).toEqual([
    ['search', 110],
    ['speech', 8],
    ['voices', 0],
  ])
  const top = await readTopUsers(ledger.sql, { ...days, limit: 10 })
  expect(top).toMatchObject([
    { accountId: big.accountId, owner: big.account.owner, plan: 'big', credits: 100, keys: 1 },
    { accountId: first.accountId, plan: 'free', requests: 15, credits: 18, keys: 2 },
  ])
  expect(await readTopUsers(ledger.sql, { ...days, limit: 1 })).toEqual(top.slice(0, 1))
})

/** One account with two keys: 14 calls of the first, one of the second. */
async function twoKeys(ledger: LedgerBuilder): Promise<{ first: TestKey; second: TestKey }> {
  await ledger.at('2031-10-05T00:00:00Z')
  const first = await ledger.openAccount('free')
  const second = await ledger.issueKey(first.account)
  await ledger.charge(first, { credits: 3 })
  await ledger.release(await ledger.hold(first, { credits: 3 }))
  await ledger.count(first, 10)
  const speech = { credits: 8, quantity: 5_000, endpoint: 'speech' }
  await ledger.settle(await ledger.hold(second, speech), 8)
  await ledger.at('2031-10-06T00:00:00Z')
  await ledger.charge(first, { credits: 3 })
  await ledger.at('2031-11-02T00:00:00Z')
  await ledger.charge(first, { credits: 4 })
  await ledger.catchUp()
  return { first, second }
}
