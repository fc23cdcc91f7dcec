import { expect, test } from 'bun:test'
import { readBalance } from '../../src/reports/account/balance.ts'
import { lookUpCharge } from '../../src/reports/charge/charge-lookup.ts'
import { buildLedger } from '../support/ledger-builder.ts'

test('an allowance that no call has needed yet is available', async () => {
  await using ledger = await buildLedger()
  await ledger.at('2031-10-05T00:00:00Z')
  const { accountId } = await ledger.openAccount('free')
  expect(await readBalance(ledger.sql, accountId, 'live')).toEqual({
    available: 100,
    held: 0,
    debt: 0,
    lots: [],
    allowance: { month: '2031-10', granted: 0, due: 100 },
    overageDue: 0,
    month: { settled: 0, refunded: 0, calls: 0 },
    budgets: [],
  })
})

test('a balance says lot by lot where credits are, in the order in which they are drawn', async () => {
  await using ledger = await buildLedger()
  await ledger.at('2031-10-05T00:00:00Z')
  const key = await ledger.openAccount('free')
  const { positions: paid } = await ledger.grant(key, 500)
  const { positions: promotional } = await ledger.grant(key, 50, {
    kind: 'promotional',
    expiresAt: '2031-10-20T00:00:00Z',
  })
  const call = await ledger.charge(key, { credits: 60 })
  await ledger.refund({ requestId: call, credits: 10 })
  await ledger.hold(key, { credits: 70 })
  await ledger.count(key, 4)

  const found = await readBalance(ledger.sql, key.accountId, 'live')
  expect(found).toMatchObject({
    available: 650 - 60 + 10 - 70,
    held: 70,
    allowance: { granted: 100, due: 0 },
    month: { settled: 60, refunded: 10, calls: 5 },
  })
  expect(found?.lots).toMatchObject([
    { kind: 'allowance', granted: 100, settled: 60, refunded: 10, held: 50, available: 0 },
    {
      lot: `0-${promotional?.[0]}`,
      held: 20,
      available: 30,
      expiresAt: '2031-10-20T00:00:00.000Z',
    },
    { lot: `0-${paid?.[0]}`, held: 0, available: 500, expiresAt: null },
  ])
})

test('a new month shows the new allowance, and the old lot only while a hold is open on it', async () => {
  await using ledger = await buildLedger()
  await ledger.at('2031-10-31T23:59:00Z')
  const key = await ledger.openAccount('free')
  const call = await ledger.hold(key, { credits: 30 })
  await ledger.at('2031-11-01T00:00:00Z')
  expect(await readBalance(ledger.sql, key.accountId, 'live')).toMatchObject({
    available: 100,
    held: 30,
    lots: [{ held: 30, available: 0 }],
    allowance: { month: '2031-11', granted: 0, due: 100 },
  })
  await ledger.release(call)
  expect(await readBalance(ledger.sql, key.accountId, 'live')).toMatchObject({ held: 0, lots: [] })
})

test('a lot that starts later cannot be drawn yet', async () => {
  await using ledger = await buildLedger()
  await ledger.at('2031-10-05T00:00:00Z')
  const key = await ledger.openAccount('zero')
  await ledger.grant(key, 50, { startsAt: '2031-10-06T00:00:00Z' })
  expect(await readBalance(ledger.sql, key.accountId, 'live')).toMatchObject({
    available: 0,
    lots: [{ granted: 50, available: 0, startsAt: '2031-10-06T00:00:00.000Z' }],
  })
  await ledger.at('2031-10-06T00:00:00Z')
  expect(await readBalance(ledger.sql, key.accountId, 'live')).toMatchObject({ available: 50 })
})

test('what is available is what a call can hold, and not a credit more', async () => {
  await using ledger = await buildLedger()
  await ledger.at('2031-10-05T00:00:00Z')
  const key = await ledger.openAccount('free')
  await ledger.grant(key, 7)
  const found = await readBalance(ledger.sql, key.accountId, 'live')
  const available = found?.available ?? 0
  expect(ledger.hold(key, { credits: available + 1 })).rejects.toThrow('insufficient_credits')
  await ledger.hold(key, { credits: available })
  expect(await readBalance(ledger.sql, key.accountId, 'live')).toMatchObject({
    available: 0,
    held: 107,
  })
})

test('test credits are a balance of their own; an unknown account has none', async () => {
  await using ledger = await buildLedger()
  await ledger.at('2031-10-05T00:00:00Z')
  const live = await ledger.openAccount('free')
  const key = await ledger.issueKey(live.account, 'test')
  await ledger.charge(key, { credits: 30 })
  await ledger.adjust(live, 110)
  const tried = await readBalance(ledger.sql, live.accountId, 'test')
  expect(tried).toMatchObject({ available: 70, debt: 0, month: { settled: 30 } })
  const billed = await readBalance(ledger.sql, live.accountId, 'live')
  expect(billed).toMatchObject({ available: 0, debt: 10, month: { settled: 0 } })
  expect(await readBalance(ledger.sql, 'acc_x', 'live')).toBeUndefined()
})

test('a charge says what became of its hold', async () => {
  await using ledger = await buildLedger()
  await ledger.at('2031-10-05T00:00:00Z')
  const key = await ledger.openAccount('free')
  const ids = {
    held: await ledger.hold(key, { credits: 9, quantity: 3 }),
    settled: await ledger.hold(key, { credits: 9 }),
    released: await ledger.hold(key, { credits: 9 }),
    expired: await ledger.hold(key, { credits: 9 }),
  }
  await ledger.at('2031-10-05T00:02:00Z')
  const settled = await ledger.settle(ids.settled, 5, 2)
  const released = await ledger.release(ids.released)
  const expired = await ledger.expire(ids.expired)
  const refunds = [
    await ledger.refund({ requestId: ids.settled, credits: 1 }),
    await ledger.refund({ requestId: ids.settled, credits: 2 }),
  ]

  const common = { keyId: key.keyId, endpoint: 'search', heldCredits: 9, mode: 'live' }
  const heldAt = '2031-10-05T00:00:00.000Z'
  const resolvedAt = '2031-10-05T00:02:00.000Z'
  expect(await lookUpCharge(ledger.sql, ids.held, key.accountId)).toMatchObject({
    ...{ ...common, status: 'held', credits: 0, quantity: 3, heldAt, resolvedAt: null },
  })
  expect(await lookUpCharge(ledger.sql, ids.settled, key.accountId)).toMatchObject({
    ...{ ...common, status: 'settled', credits: 5, refunded: 3, quantity: 2, heldAt },
    settledAt: resolvedAt,
    positions: {
      settled: `0-${settled.position}`,
      refunded: refunds.map(({ positions }) => `0-${positions?.[0]}`),
    },
  })
  expect(await lookUpCharge(ledger.sql, ids.released, key.accountId)).toMatchObject({
    ...{ ...common, status: 'released', credits: 0, settledAt: null, resolvedAt },
    ...{ reason: 'upstream_failed', positions: { released: `0-${released.position}` } },
  })
  expect(await lookUpCharge(ledger.sql, ids.expired, key.accountId)).toMatchObject({
    ...{ ...common, status: 'expired', credits: 0, resolvedAt },
    positions: { expired: `0-${expired.position}` },
  })
})

test("another account's charge is not found", async () => {
  await using ledger = await buildLedger()
  await ledger.at('2031-10-05T00:00:00Z')
  const key = await ledger.openAccount('free')
  const other = await ledger.openAccount('free')
  const call = await ledger.charge(key, { credits: 1 })
  expect(await lookUpCharge(ledger.sql, call, other.accountId)).toBeUndefined()
  expect(await lookUpCharge(ledger.sql, 'no-such-call')).toBeUndefined()
  expect(await lookUpCharge(ledger.sql, call)).toMatchObject({ accountId: key.accountId })
})
