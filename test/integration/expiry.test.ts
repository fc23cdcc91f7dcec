/** Overdue holds: any gateway expires them, and each of them is expired once. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { expireHolds } from '../../src/ledger/append/expiry.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'

let ledger: Ledger
let key: TestKey
beforeAll(async () => {
  ledger = await openLedger()
  key = await ledger.key(await ledger.account({ plan: 'pro' }))
})
afterAll(() => ledger.close())

test('gateways that expire holds at the same moment expire each overdue hold once, and no other', async () => {
  await Promise.all(Array.from({ length: 20 }, () => ledger.hold(key, 1, { holdSeconds: 60 })))
  await ledger.hold(key, 1, { holdSeconds: 120 })
  const gateways = [ledger.newGateway(), ledger.newGateway(), ledger.newGateway()]
  const look = () =>
    Promise.all(gateways.map(({ appender }) => expireHolds(ledger.sql, 0, appender)))
  expect(await look()).toEqual([0, 0, 0])

  await ledger.advance(61_000)
  const expired = await look()
  expect(expired.reduce((all, count) => all + count)).toBe(20)
  expect(await look()).toEqual([0, 0, 0])
  const [row] = await ledger.sql<[{ expired: number; calls: number }]>`
    select count(*) as expired, count(distinct request_id) as calls
    from events where type = 'HoldExpired'`
  expect(row).toEqual({ expired: 20, calls: 20 })
})
