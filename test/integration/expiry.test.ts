/** Overdue holds: any gateway expires them, and each of them is expired once. */
import { afterAll, beforeAll, expect, spyOn, test } from 'bun:test'
import { expireHolds } from '../../src/ledger/append/expiry.ts'
import { startBackground } from '../../src/server/background.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

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

test('a gateway expires all that is overdue in one go, however much another has left', async () => {
  const many = 1_100
  await Promise.all(Array.from({ length: many }, () => ledger.hold(key, 1, { holdSeconds: 60 })))
  await ledger.advance(61_000)
  // Nobody waits for a next turn: there is none.
  const wait = setTimeout
  const timers = spyOn(globalThis, 'setTimeout')
  const intervalMs = 2_000
  timers.mockImplementation(((run: () => void, ms?: number) =>
    wait(run, ms === intervalMs ? 3_600_000 : ms)) as typeof setTimeout)
  const nothing = async () => {}
  const stop = startBackground(
    {
      ...{ sql: ledger.sql, shards: [0], appenderOf: () => ledger.appender },
      ...{ leases: { onChanges() {} }, beat: nothing, storeHighWaterMarks: nothing },
      fenceAfterSeconds: 3_600,
    },
    () => {},
  )
  try {
    await until(async () => {
      const [row] = await ledger.sql<[{ open: number }]>`
        select count(*) as open from open_holds where expires_at < ledger_now()`
      return row.open === 0
    })
  } finally {
    await stop()
    timers.mockRestore()
  }
})
