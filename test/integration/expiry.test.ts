/** Overdue holds: expired by whichever gateway looks, and by one of them only. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { expireHolds } from '../../src/ledger/append/expiry.ts'
import { type Book, openBook, type TestKey } from '../support/book.ts'

let book: Book
let key: TestKey
beforeAll(async () => {
  book = await openBook()
  key = await book.key(await book.account({ plan: 'pro' }))
})
afterAll(() => book.close())

test('gateways that look at the same moment expire each overdue hold once, and no other', async () => {
  await Promise.all(Array.from({ length: 20 }, () => book.hold(key, 1, { holdSeconds: 60 })))
  await book.hold(key, 1, { holdSeconds: 120 })
  const gateways = [book.newGateway(), book.newGateway(), book.newGateway()]
  const look = () => Promise.all(gateways.map(({ appender }) => expireHolds(book.sql, 0, appender)))
  expect(await look()).toEqual([0, 0, 0])

  await book.advance(61_000)
  const expired = await look()
  expect(expired.reduce((all, count) => all + count)).toBe(20)
  expect(await look()).toEqual([0, 0, 0])
  const [row] = await book.sql<[{ expired: number; calls: number }]>`
    select count(*) as expired, count(distinct request_id) as calls
    from events where type = 'HoldExpired'`
  expect(row).toEqual({ expired: 20, calls: 20 })
})
