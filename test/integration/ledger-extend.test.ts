/** Holds that grow: what is added to a hold is decided at that moment, and belongs to the hold from then on. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Verdict } from '../../src/ledger/append/call-commands.ts'
import { expireHolds } from '../../src/ledger/append/expiry.ts'
import { catchUp } from '../../src/projector/catch-up.ts'
import { lookUpCharge } from '../../src/reports/charge/charge-lookup.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { compareWithProjections } from '../support/compare.ts'
import { expireCommand, extendCommand, releaseCommand, settleCommand } from '../support/gateway.ts'
import { readLog } from '../support/log.ts'
import { breachesOf } from '../support/log-rules.ts'
import { openProducer } from '../support/producer.ts'
import { type Ledger, openLedger, testTariff } from '../support/test-ledger.ts'

let ledger: Ledger
beforeAll(async () => {
  ledger = await openLedger()
})
afterAll(async () => {
  await catchUp(ledger.sql, [0])
  expect(await compareWithProjections(ledger.sql)).toEqual([])
  await ledger.close()
})

/** A new key of a new account with 100 credits, and a hold of it. */
async function holding(credits: number, options: Parameters<Ledger['key']>[1] = {}) {
  const account = await ledger.account()
  const key = await ledger.key(account, options)
  const { hold } = await ledger.hold(key, credits)
  return { account, key, hold }
}

/** A refusal leaves the log as it is. */
async function refused(appended: Promise<{ verdict: string; available: number }>, verdict: string) {
  const before = await ledger.size()
  const result = await appended
  expect(result.verdict).toBe(verdict)
  expect(await ledger.size()).toBe(before)
  return result
}

describe('an extension', () => {
  test('is ok, says what is left, and is settled with its hold', async () => {
    const { key, hold } = await holding(30)
    expect(await ledger.extend(key, hold, 50)).toMatchObject({ verdict: 'ok', available: 20 })
    await refused(ledger.settle(hold, 81), 'exceeds_hold')
    expect(await ledger.settle(hold, 75)).toMatchObject({ verdict: 'ok', available: 25 })
  })

  test('is refused beyond what is available, with what that is', async () => {
    const { key, hold } = await holding(30)
    const result = await refused(ledger.extend(key, hold, 71), 'insufficient_credits')
    expect(result.available).toBe(70)
    expect((await ledger.extend(key, hold, 70)).available).toBe(0)
  })

  test('counts against the key’s cap in the month of its hold', async () => {
    await ledger.travelTo('2030-07-31T23:59:00Z')
    const account = await ledger.account()
    await ledger.grant(account, 100)
    const key = await ledger.key(account, { monthlyCap: 60 })
    const { hold } = await ledger.hold(key, 30)
    const sibling = await ledger.hold(key, 10)
    expect(await ledger.extend(key, hold, 21)).toMatchObject({
      ...{ verdict: 'key_cap_reached', available: 20 },
    })
    await ledger.travelTo('2030-08-01T00:01:00Z')
    expect(await ledger.extend(key, hold, 21)).toMatchObject({
      ...{ verdict: 'key_cap_reached', available: 20 },
    })
    // A cap that was lowered below what is held leaves the hold alive, and adds nothing to it.
    await ledger.change(key, 'KeyLimitsChanged', { monthlyCap: 20 })
    expect((await ledger.extend(key, hold, 0)).verdict).toBe('ok')
    expect(await ledger.extend(key, hold, 1)).toMatchObject({
      ...{ verdict: 'key_cap_reached', available: 0 },
    })
    await ledger.change(key, 'KeyLimitsChanged', { monthlyCap: 60 })
    await ledger.release(sibling.hold)
    expect((await ledger.extend(key, hold, 21)).verdict).toBe('ok')
    // The new month's cap is whole.
    expect((await ledger.hold(key, 60)).verdict).toBe('ok')
    await catchUpAll(ledger.sql)
    const [row] = await ledger.sql`select held from monthly_balances
      where key_id = ${key.keyId} and month = '2030-07-01'`
    expect(row?.held).toBe(51)
  })

  test('is refused to a key that may not buy any more, as a hold would be', async () => {
    const { account, key, hold } = await holding(10)
    const { version } = key
    await ledger.change(key, 'KeyUpdated', { endpoints: ['search'] })
    await refused(ledger.extend(key, hold, 1, { keyVersion: version }), 'stale_key')
    await ledger.change(account, 'AccountFrozen')
    await refused(ledger.extend(key, hold, 1), 'account_frozen')
    await ledger.change(account, 'AccountUnfrozen')
    await ledger.change(key, 'KeyDisabled')
    await refused(ledger.extend(key, hold, 1), 'key_disabled')
    await ledger.change(key, 'KeyEnabled')
    expect((await ledger.extend(key, hold, 1)).verdict).toBe('ok')
    await ledger.change(key, 'KeyRevoked')
    await refused(ledger.extend(key, hold, 1), 'key_revoked')
    await refused(ledger.extend(key, hold, 0), 'key_revoked')
    // What was held before still settles.
    expect((await ledger.settle(hold, 11)).verdict).toBe('ok')
  })

  test('is refused to a key that has expired, and to a secret whose grace is over', async () => {
    const expiresAt = new Date(ledger.now.getTime() + 1_000).toISOString()
    const expiring = await holding(10, { expiresAt })
    const rotated = await holding(10)
    await ledger.change(rotated.key, 'KeyRotated', {
      ...{ hash: 'e'.repeat(64), display: 'sk_live_…eeee' },
      ...{ previousHash: rotated.key.hash, previousUntil: expiresAt },
    })
    const before = { previousSecret: true }
    expect((await ledger.extend(rotated.key, rotated.hold, 1, before)).verdict).toBe('ok')
    await ledger.advance(1_000)
    await refused(ledger.extend(expiring.key, expiring.hold, 1), 'key_expired')
    await refused(ledger.extend(rotated.key, rotated.hold, 1, before), 'key_expired')
  })

  test('is hold_not_open for a hold that was resolved, never was, or is of another key', async () => {
    const { account, key, hold } = await holding(10)
    const sibling = await ledger.key(account)
    await refused(ledger.extend(sibling, { ...hold, keyId: sibling.keyId }, 1), 'hold_not_open')
    await refused(ledger.extend(key, { ...hold, requestId: 'unknown' }, 1), 'hold_not_open')
    await ledger.settle(hold, 1)
    await refused(ledger.extend(key, hold, 1), 'hold_not_open')
  })

  test('is neither refused at the concurrency limit, nor priced anew', async () => {
    const { account, key, hold } = await holding(10)
    await ledger.change(account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight: 1 })
    await ledger.publish({ ...testTariff, prices: { search: { per: 'request', credits: 2 } } })
    expect((await ledger.hold(key, 1, { tariff: hold.tariff })).verdict).toBe('stale_tariff')
    expect((await ledger.extend(key, hold, 1)).verdict).toBe('ok')
    await ledger.settle(hold, 1)
    await ledger.publish(testTariff)
  })

  test('draws on what was granted meanwhile, but on nothing of the next month', async () => {
    await ledger.travelTo('2030-09-30T23:59:00Z')
    const account = await ledger.account()
    const key = await ledger.key(account)
    const { hold: within } = await ledger.hold(key, 100)
    await ledger.grant(account, 20)
    expect(await ledger.extend(key, within, 15)).toMatchObject({ verdict: 'ok', available: 5 })
    const { hold } = await ledger.hold(key, 1)

    await ledger.travelTo('2030-10-01T00:00:30Z')
    await ledger.grant(account, 50)
    const result = await refused(ledger.extend(key, hold, 5), 'insufficient_credits')
    expect(result.available).toBe(4)
    // The new month's allowance is for the new month's holds.
    expect(await ledger.extend(key, hold, 4)).toMatchObject({ verdict: 'ok', available: 150 })
    expect((await ledger.hold(key, 150)).verdict).toBe('ok')
    await ledger.settle(hold, 5)
  })
})

test('an extension by nothing keeps the hold alive, and no gateway expires it', async () => {
  const { key, hold } = await holding(10)
  const other = ledger.newGateway().appender
  for (let minute = 0; minute < 5; minute++) {
    await ledger.advance(50_000)
    expect((await ledger.extend(key, hold, 0)).verdict).toBe('ok')
    await expireHolds(ledger.sql, 0, other)
  }
  expect((await ledger.extend(key, hold, 0, { holdSeconds: 1 })).verdict).toBe('ok')
  await ledger.advance(59_999)
  // An extension never shortens.
  await refused(ledger.expire(hold), 'hold_not_due')
  await ledger.advance(2)
  expect(await expireHolds(ledger.sql, 0, other)).toBe(1)
  await refused(ledger.extend(key, hold, 0), 'hold_not_open')
})

describe('a hold that expires after an extension said what was sent', () => {
  const other = () => ledger.newGateway().appender
  const sent = (credits: number) => ({ sent: { credits, quantity: credits * 3 } })

  test('is settled for that, once, in the month of the hold and on its lots', async () => {
    await ledger.travelTo('2030-10-31T23:59:00Z')
    const { key, hold } = await holding(30, { monthlyCap: 80 })
    await ledger.extend(key, hold, 20, sent(12))
    expect((await ledger.extend(key, hold, 0, sent(25))).verdict).toBe('ok')
    // One that says nothing, or less, takes nothing back.
    await ledger.extend(key, hold, 0)
    await ledger.extend(key, hold, 0, sent(3))
    await ledger.travelTo('2030-11-01T00:01:00Z')
    expect(await expireHolds(ledger.sql, 0, other())).toBe(1)
    expect(await expireHolds(ledger.sql, 0, other())).toBe(0)
    await refused(ledger.settle(hold, 25), 'hold_not_open')
    const [settled] =
      await ledger.sql`select type, credits, quantity, held, moved, payload, tariff, endpoint,
        to_char(occurred_at, 'YYYY-MM') as month
      from events where request_id = ${hold.requestId} order by position desc limit 1`
    expect(settled).toMatchObject({
      ...{ type: 'HoldSettled', credits: 25, quantity: 75, held: [-50], moved: [25] },
      ...{ payload: { delivered: true, terminatedBy: 'gateway' }, month: '2030-10' },
      ...{ tariff: hold.tariff, endpoint: 'search' },
    })
    await catchUpAll(ledger.sql)
    const [october] = await ledger.sql`select u.used as cap_used, m.settled
      from monthly_balances m join cap_usage u using (key_id, month, shard)
      where key_id = ${key.keyId} and month = '2030-10-01'`
    expect(october).toEqual({ cap_used: 25, settled: 25 })
    expect(await lookUpCharge(ledger.sql, hold.requestId)).toMatchObject({
      ...{ status: 'settled', credits: 25, quantity: 75, terminatedBy: 'gateway' },
    })
    expect(breachesOf(await readLog(ledger.sql))).toEqual([])
  })

  test('is settled by an expiry in the batch of its last extension, too', async () => {
    const { key, hold } = await holding(30)
    await ledger.advance(61_000)
    const producer = await openProducer(ledger.sql)
    const verdicts = await producer.verdicts([
      extendCommand(key, hold, 5, { ...sent(20), holdSeconds: 0 }),
      expireCommand(hold),
      settleCommand(hold, 1),
    ])
    expect(verdicts).toEqual<Verdict[]>(['ok', 'ok', 'hold_not_open'])
    const charge = await lookUpCharge(ledger.sql, hold.requestId)
    expect(charge).toMatchObject({ status: 'settled', credits: 20, quantity: 60 })
  })

  test('cannot have been sent more than was held', async () => {
    const { key, hold } = await holding(30)
    await refused(ledger.extend(key, hold, 10, sent(31)), 'exceeds_hold')
    expect((await ledger.extend(key, hold, 10, sent(30))).verdict).toBe('ok')
    expect((await ledger.extend(key, hold, 0, sent(40))).verdict).toBe('ok')
  })

  test('is charged, so a retry with its Idempotency-Key neither runs nor is charged again', async () => {
    const { key } = await holding(1)
    const claim = { key: 'stream', requestHash: 'request' }
    const { hold } = await ledger.hold(key, 10, { claim })
    await ledger.extend(key, hold, 0, sent(4))
    await ledger.advance(61_000)
    await expireHolds(ledger.sql, 0, other())
    expect((await ledger.hold(key, 10, { claim })).verdict).toBe('replay')
  })
})

test('in one batch, what comes after an extension finds the hold extended', async () => {
  const { account, key, hold } = await holding(60)
  await ledger.grant(account, 30)
  const producer = await openProducer(ledger.sql)
  const verdicts = await producer.verdicts([
    extendCommand(key, hold, 10),
    extendCommand(key, hold, 1_000),
    extendCommand(key, hold, 50),
    settleCommand(hold, 121),
    settleCommand(hold, 115),
    extendCommand(key, hold, 1),
    releaseCommand(hold),
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
  const [settled] = await ledger.sql<{ held: number[]; moved: number[] }[]>`
    select held, moved from events where request_id = ${hold.requestId} and type = 'HoldSettled'`
  // Each lot stands there once, however often it was drawn on.
  expect(settled).toEqual({ held: [-100, -20], moved: [100, 15] })
  expect(breachesOf(await readLog(ledger.sql))).toEqual([])
})
