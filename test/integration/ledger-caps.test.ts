/**
 * A key that gets a monthly cap in the middle of a month: what it used before counts, however far the sums of months have come
 * by then.
 */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { openVerifier } from '../../src/projector/verify/verifier.ts'
import { readBalance } from '../../src/reports/account/balance.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { compareWithProjections } from '../support/compare.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'

let ledger: Ledger
let key: TestKey
let other: TestKey
beforeEach(async () => {
  ledger = await openLedger()
  const account = await ledger.account({ plan: 'pro' })
  // Unlike an allowance they are there in the next month, too.
  await ledger.grant(account, 1_000)
  key = await ledger.key(account)
  other = await ledger.key(account)
})
afterEach(() => ledger.close())

/** When the sums of months catch up with the log. */
type Moment = 'after the first call' | 'before the cap' | 'after the cap' | 'at the end'

describe.each([
  [[]],
  [['after the first call']],
  [['before the cap']],
  [['after the cap']],
  [['after the first call', 'after the cap', 'at the end']],
] as Moment[][][])('sums of months that catch up %p', (moments) => {
  const catchUpAt = async (moment: Moment) => {
    if (moments.includes(moment)) await catchUpAll(ledger.sql)
  }
  const left = async (credits: number) => {
    const refused = { verdict: 'key_cap_reached', available: credits }
    expect(await ledger.hold(key, credits + 1)).toMatchObject(refused)
  }

  test('a cap counts what its key has settled and holds, and nothing of another key', async () => {
    const first = await ledger.hold(key, 30)
    await ledger.settle(first.hold, 20)
    await catchUpAt('after the first call')
    const open = await ledger.hold(key, 10)
    await ledger.settle((await ledger.hold(other, 100)).hold, 100)
    await catchUpAt('before the cap')
    await ledger.change(key, 'KeyLimitsChanged', { monthlyCap: 50 })
    await left(20)
    await catchUpAt('after the cap')
    await left(20)
    await ledger.commands.refund(0, { requestId: first.hold.requestId, credits: 5, actor: 'test' })
    await left(25)
    await ledger.settle(open.hold, 4)
    await left(31)
    expect((await ledger.hold(key, 31)).verdict).toBe('ok')
    await catchUpAt('at the end')
    await left(0)
    // What is used while there is no cap counts when there is one again.
    await ledger.change(key, 'KeyLimitsChanged', { monthlyCap: null })
    expect((await ledger.hold(key, 7)).verdict).toBe('ok')
    await ledger.change(key, 'KeyLimitsChanged', { monthlyCap: 60 })
    await left(3)
  })

  test('the cap of last month’s hold is that of its month', async () => {
    const { hold } = await ledger.hold(key, 30)
    await ledger.settle((await ledger.hold(key, 15)).hold, 15)
    await catchUpAt('after the first call')
    await ledger.travelTo('2030-07-01T00:00:05Z')
    await catchUpAt('before the cap')
    await ledger.change(key, 'KeyLimitsChanged', { monthlyCap: 50 })
    await catchUpAt('after the cap')
    expect(await ledger.extend(key, hold, 6)).toMatchObject({
      verdict: 'key_cap_reached',
      available: 5,
    })
    expect((await ledger.extend(key, hold, 5)).verdict).toBe('ok')
    await left(50)
  })
})

test('the sums of a month that has not been counted yet are read from the log', async () => {
  const { hold } = await ledger.hold(key, 30)
  await ledger.settle(hold, 20)
  await ledger.commands.refund(0, { requestId: hold.requestId, credits: 5, actor: 'test' })
  const sums = { settled: 20, refunded: 5, calls: 1 }
  expect((await readBalance(ledger.sql, key.accountId, 'live'))?.month).toEqual(sums)
  await catchUpAll(ledger.sql)
  expect((await readBalance(ledger.sql, key.accountId, 'live'))?.month).toEqual(sums)
})

test('what capped keys use is verified, and is what the log means', async () => {
  await ledger.settle((await ledger.hold(key, 30)).hold, 20)
  await ledger.change(key, 'KeyLimitsChanged', { monthlyCap: 50 })
  await ledger.hold(key, 10)
  await catchUpAll(ledger.sql)
  expect(await compareWithProjections(ledger.sql)).toEqual([])
  await ledger.owner`update cap_usage set used = used - 3`
  const verifier = await openVerifier({ url: ledger.url, maxDescribed: 5 })
  const { sound, projections } = await verifier.run()
  await verifier.close()
  expect(sound).toBe(false)
  const damaged = projections.filter(({ differing }) => differing > 0)
  expect(damaged.map(({ projection }) => projection)).toEqual(['key_caps'])
})
