/** Holds that grow: what is added to a hold is bought at that moment, and belongs to the hold from then on. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Verdict } from '../../src/ledger/append/call-commands.ts'
import { expireHolds } from '../../src/ledger/append/expiry.ts'
import { catchUp } from '../../src/projector/catch-up.ts'
import { type Book, openBook, testTariff } from '../support/book.ts'
import { compareWithProjections } from '../support/compare.ts'
import { extendItem, releaseItem, settleItem } from '../support/gateway.ts'
import { openLane } from '../support/lane.ts'
import { readLog } from '../support/log.ts'
import { breachesOf } from '../support/log-rules.ts'

let book: Book
beforeAll(async () => {
  book = await openBook()
})
afterAll(async () => {
  await catchUp(book.sql, [0])
  expect(await compareWithProjections(book.sql)).toEqual([])
  await book.close()
})

/** A new key of a new account with 100 credits, and a hold of it. */
async function holding(credits: number, options: Parameters<Book['key']>[1] = {}) {
  const account = await book.account()
  const key = await book.key(account, options)
  const { hold } = await book.hold(key, credits)
  return { account, key, hold }
}

/** What a refusal must leave as it was. */
async function refused(answer: Promise<{ verdict: string; available: number }>, verdict: string) {
  const before = await book.size()
  const given = await answer
  expect(given.verdict).toBe(verdict)
  expect(await book.size()).toBe(before)
  return given
}

describe('an extension', () => {
  test('is ok, answers what is left, and is settled with its hold', async () => {
    const { key, hold } = await holding(30)
    expect(await book.extend(key, hold, 50)).toMatchObject({ verdict: 'ok', available: 20 })
    await refused(book.settle(hold, 81), 'exceeds_hold')
    expect(await book.settle(hold, 75)).toMatchObject({ verdict: 'ok', available: 25 })
  })

  test('is refused beyond what is available, with what that is', async () => {
    const { key, hold } = await holding(30)
    const answer = await refused(book.extend(key, hold, 71), 'insufficient_credits')
    expect(answer.available).toBe(70)
    expect((await book.extend(key, hold, 70)).available).toBe(0)
  })

  test('counts against the key’s cap in the month of its hold', async () => {
    await book.travelTo('2030-07-31T23:59:00Z')
    const account = await book.account()
    await book.grant(account, 100)
    const key = await book.key(account, { monthlyCap: 60 })
    const { hold } = await book.hold(key, 30)
    const sibling = await book.hold(key, 10)
    expect(await book.extend(key, hold, 21)).toMatchObject({
      ...{ verdict: 'key_cap_reached', available: 20 },
    })
    await book.travelTo('2030-08-01T00:01:00Z')
    expect(await book.extend(key, hold, 21)).toMatchObject({
      ...{ verdict: 'key_cap_reached', available: 20 },
    })
    // A cap that was lowered below what is held leaves the hold alive, and adds nothing to it.
    await book.change(key, 'KeyLimitsChanged', { monthlyCap: 20 })
    expect((await book.extend(key, hold, 0)).verdict).toBe('ok')
    expect(await book.extend(key, hold, 1)).toMatchObject({
      ...{ verdict: 'key_cap_reached', available: 0 },
    })
    await book.change(key, 'KeyLimitsChanged', { monthlyCap: 60 })
    await book.release(sibling.hold)
    expect((await book.extend(key, hold, 21)).verdict).toBe('ok')
    // The new month's cap is whole.
    expect((await book.hold(key, 60)).verdict).toBe('ok')
    const [row] = await book.sql`select held from monthly_balances
      where key_id = ${key.keyId} and month = '2030-07-01'`
    expect(row?.held).toBe(51)
  })

  test('is refused to a key that may not buy any more, as a hold would be', async () => {
    const { account, key, hold } = await holding(10)
    const { version } = key
    await book.change(key, 'KeyUpdated', { endpoints: ['search'] })
    await refused(book.extend(key, hold, 1, { keyVersion: version }), 'stale_key')
    await book.change(account, 'AccountFrozen')
    await refused(book.extend(key, hold, 1), 'account_frozen')
    await book.change(account, 'AccountUnfrozen')
    await book.change(key, 'KeyDisabled')
    await refused(book.extend(key, hold, 1), 'key_disabled')
    await book.change(key, 'KeyEnabled')
    expect((await book.extend(key, hold, 1)).verdict).toBe('ok')
    await book.change(key, 'KeyRevoked')
    await refused(book.extend(key, hold, 1), 'key_revoked')
    await refused(book.extend(key, hold, 0), 'key_revoked')
    // What was held before still settles.
    expect((await book.settle(hold, 11)).verdict).toBe('ok')
  })

  test('is refused to a key that has expired, and to a secret whose grace is over', async () => {
    const expiresAt = new Date(book.now.getTime() + 1_000).toISOString()
    const expiring = await holding(10, { expiresAt })
    const rotated = await holding(10)
    await book.change(rotated.key, 'KeyRotated', {
      ...{ hash: 'e'.repeat(64), display: 'sk_live_…eeee' },
      ...{ previousHash: rotated.key.hash, previousUntil: expiresAt },
    })
    const before = { previousSecret: true }
    expect((await book.extend(rotated.key, rotated.hold, 1, before)).verdict).toBe('ok')
    await book.advance(1_000)
    await refused(book.extend(expiring.key, expiring.hold, 1), 'key_expired')
    await refused(book.extend(rotated.key, rotated.hold, 1, before), 'key_expired')
  })

  test('is hold_not_open for a hold that was resolved, never was, or is of another key', async () => {
    const { account, key, hold } = await holding(10)
    const sibling = await book.key(account)
    await refused(book.extend(sibling, { ...hold, keyId: sibling.keyId }, 1), 'hold_not_open')
    await refused(book.extend(key, { ...hold, requestId: 'unknown' }, 1), 'hold_not_open')
    await book.settle(hold, 1)
    await refused(book.extend(key, hold, 1), 'hold_not_open')
  })

  test('is neither kept from an account with as many calls as it may have, nor priced anew', async () => {
    const { account, key, hold } = await holding(10)
    await book.change(account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight: 1 })
    await book.publish({ ...testTariff, prices: { search: { per: 'request', credits: 2 } } })
    expect((await book.hold(key, 1, { tariff: hold.tariff })).verdict).toBe('stale_tariff')
    expect((await book.extend(key, hold, 1)).verdict).toBe('ok')
    await book.settle(hold, 1)
    await book.publish(testTariff)
  })

  test('draws on what was granted meanwhile, but over a month’s end on nothing of the new month', async () => {
    await book.travelTo('2030-09-30T23:59:00Z')
    const account = await book.account()
    const key = await book.key(account)
    const { hold: within } = await book.hold(key, 100)
    await book.grant(account, 20)
    expect(await book.extend(key, within, 15)).toMatchObject({ verdict: 'ok', available: 5 })
    const { hold } = await book.hold(key, 1)

    await book.travelTo('2030-10-01T00:00:30Z')
    await book.grant(account, 50)
    const answer = await refused(book.extend(key, hold, 5), 'insufficient_credits')
    expect(answer.available).toBe(4)
    // The new month's allowance is there for the new month's holds.
    expect(await book.extend(key, hold, 4)).toMatchObject({ verdict: 'ok', available: 150 })
    expect((await book.hold(key, 150)).verdict).toBe('ok')
    await book.settle(hold, 5)
  })
})

test('an extension by nothing keeps the hold alive, and no gateway expires it', async () => {
  const { key, hold } = await holding(10)
  const other = book.newGateway().appender
  for (let minute = 0; minute < 5; minute++) {
    await book.advance(50_000)
    expect((await book.extend(key, hold, 0)).verdict).toBe('ok')
    await expireHolds(book.sql, 0, other)
  }
  expect((await book.extend(key, hold, 0, { holdSeconds: 1 })).verdict).toBe('ok')
  await book.advance(59_999)
  // An extension never shortens.
  await refused(book.expire(hold), 'hold_not_due')
  await book.advance(2)
  expect(await expireHolds(book.sql, 0, other)).toBe(1)
  await refused(book.extend(key, hold, 0), 'hold_not_open')
})

test('in one batch, what comes after an extension finds the hold extended', async () => {
  const { account, key, hold } = await holding(60)
  await book.grant(account, 30)
  const lane = await openLane(book.sql)
  const verdicts = await lane.verdicts([
    extendItem(key, hold, 10),
    extendItem(key, hold, 1_000),
    extendItem(key, hold, 50),
    settleItem(hold, 121),
    settleItem(hold, 115),
    extendItem(key, hold, 1),
    releaseItem(hold),
  ])
  expect(verdicts).toEqual<Verdict[]>([
    'ok',
    'insufficient_credits',
    'ok',
    'exceeds_hold',
    'ok',
    'hold_not_open',
    'hold_not_open',
  ])
  const [settled] = await book.sql<{ held: number[]; moved: number[] }[]>`
    select held, moved from events where request_id = ${hold.requestId} and type = 'HoldSettled'`
  // Each lot once, whatever drew on it how often.
  expect(settled).toEqual({ held: [-100, -20], moved: [100, 15] })
  expect(breachesOf(await readLog(book.sql))).toEqual([])
})
