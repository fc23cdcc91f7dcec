/** A month's allowance: granted when it is first needed, drawn first, and gone when the month is. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Plan } from '../../src/config/config.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { type Ledger, openLedger, type TestAccount, testTariff } from '../support/test-ledger.ts'

let ledger: Ledger
beforeEach(async () => {
  ledger = await openLedger()
})
afterEach(() => ledger.close())

interface LotRow {
  readonly lot: number
  readonly kind: string
  readonly granted: number
  readonly held: number
  readonly settled: number
}

function lotsOf({ accountId }: TestAccount) {
  return ledger.sql<LotRow[]>`
    select lot, kind, granted, held, settled from lots where account_id = ${accountId} order by lot`
}

async function allowances(account: TestAccount): Promise<number[]> {
  const lots = await lotsOf(account)
  return lots.filter((lot) => lot.kind === 'allowance').map((lot) => lot.granted)
}

describe('the allowance', () => {
  test('is granted with the first hold of the month, and once', async () => {
    const account = await ledger.account()
    const key = await ledger.key(account)
    expect(await allowances(account)).toEqual([])
    const results = await Promise.all([
      ledger.hold(key, 10),
      ledger.hold(key, 10),
      ledger.hold(key, 10),
    ])
    expect(results.map((a) => a.available)).toEqual([90, 80, 70])
    await ledger.hold(key, 10)
    expect(await allowances(account)).toEqual([100])
    const [lot] = await ledger.sql`
      select starts_at, expires_at from lots where account_id = ${account.accountId}`
    expect(lot).toEqual({
      starts_at: new Date('2030-06-01T00:00:00Z'),
      expires_at: new Date('2030-07-01T00:00:00Z'),
    })
  })

  test('begins anew with the UTC month, to the microsecond, and the old one lapses', async () => {
    const account = await ledger.account()
    const key = await ledger.key(account)
    await ledger.hold(key, 60)
    await ledger.travelTo('2030-06-30T23:59:59.999Z')
    expect((await ledger.hold(key, 41)).verdict).toBe('insufficient_credits')
    await ledger.travelTo('2030-07-01T00:00:00Z')
    expect((await ledger.hold(key, 41)).available).toBe(59)
    expect(await allowances(account)).toEqual([100, 100])
  })

  test('counts as available before it is granted', async () => {
    const key = await ledger.key(await ledger.account())
    const { hold } = await ledger.hold(key, 60)
    await ledger.travelTo('2030-07-01T00:00:00Z')
    // The settlement is the new month's first event.
    expect((await ledger.settle(hold, 60)).available).toBe(100)
    expect((await ledger.hold(key, 101)).available).toBe(100)
  })

  test('is another one in test mode', async () => {
    const account = await ledger.account()
    const [live, trial] = [await ledger.key(account), await ledger.key(account, { mode: 'test' })]
    expect((await ledger.hold(live, 100)).available).toBe(0)
    expect((await ledger.hold(trial, 30)).available).toBe(70)
    expect(await allowances(account)).toEqual([100, 100])
  })

  test('of a plan that gives none is not granted', async () => {
    const account = await ledger.account({ plan: 'none' })
    const key = await ledger.key(account)
    await ledger.grant(account, 5)
    expect((await ledger.hold(key, 1)).available).toBe(4)
    expect(await allowances(account)).toEqual([])
  })

  test('follows a tariff that gives the plan more', async () => {
    const account = await ledger.account()
    const key = await ledger.key(account)
    await ledger.hold(key, 1)
    const { plans, prices } = testTariff
    const free = { ...plans.free, credits: 150 } as Plan
    await ledger.publish({ plans: { ...plans, free }, prices })
    expect((await ledger.hold(key, 149)).available).toBe(0)
    expect(await allowances(account)).toEqual([100, 50])
  })
})

describe('an upgrade', () => {
  test('grants the difference at once', async () => {
    const account = await ledger.account()
    const key = await ledger.key(account)
    await ledger.hold(key, 100)
    await ledger.changePlan(account, 'pro')
    expect(await allowances(account)).toEqual([100, 900])
    expect((await ledger.hold(key, 900)).available).toBe(0)
  })

  test('before the month’s first call leaves the whole allowance to that call', async () => {
    const account = await ledger.account()
    await ledger.changePlan(account, 'pro')
    expect(await allowances(account)).toEqual([])
    expect((await ledger.hold(await ledger.key(account), 1)).available).toBe(999)
    expect(await allowances(account)).toEqual([1_000])
  })

  test('grants each mode its own difference', async () => {
    const account = await ledger.account()
    await ledger.hold(await ledger.key(account), 1)
    await ledger.hold(await ledger.key(account, { mode: 'test' }), 1)
    await ledger.changePlan(account, 'pro')
    const lots = await ledger.sql`
      select mode, granted from lots where account_id = ${account.accountId} order by mode, lot`
    expect(lots.map((lot) => `${lot.mode} ${lot.granted}`)).toEqual([
      'live 100',
      'live 900',
      'test 100',
      'test 900',
    ])
  })

  test('after a downgrade in the same month grants nothing twice', async () => {
    const account = await ledger.account({ plan: 'pro' })
    const key = await ledger.key(account)
    await ledger.hold(key, 1)
    await ledger.changePlan(account, 'free', '2030-07-01T00:00:00Z')
    await ledger.changePlan(account, 'pro')
    expect(await allowances(account)).toEqual([1_000])
  })

  test('cancels a downgrade that has not come into force', async () => {
    const account = await ledger.account({ plan: 'free' })
    const key = await ledger.key(account)
    await ledger.changePlan(account, 'none', '2030-07-01T00:00:00Z')
    await ledger.changePlan(account, 'pro')
    await ledger.travelTo('2030-07-01T00:00:00Z')
    const [row] = await ledger.sql`
      select plan_at(0::smallint, ${account.accountId}, ledger_now()) as plan`
    expect(row).toEqual({ plan: 'pro' })
    expect((await ledger.hold(key, 1)).available).toBe(999)
  })
})

describe('a downgrade', () => {
  test('counts from the next month', async () => {
    const account = await ledger.account({ plan: 'pro' })
    const key = await ledger.key(account)
    await ledger.hold(key, 100)
    await ledger.changePlan(account, 'free', '2030-07-01T00:00:00Z')
    expect((await ledger.hold(key, 900)).verdict).toBe('ok')
    await ledger.travelTo('2030-06-30T23:59:59.999Z')
    expect((await ledger.hold(key, 1)).verdict).toBe('insufficient_credits')
    await ledger.travelTo('2030-07-01T00:00:00Z')
    expect((await ledger.hold(key, 1)).available).toBe(99)
    expect(await allowances(account)).toEqual([1_000, 100])
  })
})

describe('credits are drawn', () => {
  test('from the allowance, then from what expires first, then from the oldest', async () => {
    const account = await ledger.account()
    const key = await ledger.key(account)
    await ledger.grant(account, 10)
    await ledger.grant(account, 10, { kind: 'paid' })
    await ledger.grant(account, 10, { expiresAt: '2031-01-01T00:00:00Z' })
    // Ends before the allowance does, and is drawn after it all the same.
    await ledger.grant(account, 10, { expiresAt: '2030-06-20T00:00:00Z' })
    const drawn = async () =>
      (await lotsOf(account)).sort((a, b) => a.lot - b.lot).map((lot) => lot.held)
    await ledger.hold(key, 95)
    expect(await drawn()).toEqual([0, 0, 0, 0, 95])
    await ledger.hold(key, 12)
    expect(await drawn()).toEqual([0, 0, 0, 7, 100])
    await ledger.hold(key, 15)
    expect(await drawn()).toEqual([2, 0, 10, 10, 100])
    await ledger.hold(key, 18)
    expect(await drawn()).toEqual([10, 10, 10, 10, 100])
  })

  test('in one batch in the same order as one by one, the new allowance included', async () => {
    const account = await ledger.account()
    const key = await ledger.key(account)
    await ledger.grant(account, 10)
    await Promise.all([ledger.hold(key, 60), ledger.hold(key, 45), ledger.hold(key, 5)])
    const events = await ledger.sql`
      select lots, held from events where type = 'CreditsHeld' order by position`
    const [gift, allowance] = (await lotsOf(account)).map((lot) => lot.lot)
    expect(events.map((e) => [e.lots, e.held])).toEqual([
      [[allowance], [60]],
      [
        [allowance, gift],
        [40, 5],
      ],
      [[gift], [5]],
    ])
  })

  test('from a lot not before it starts and not from when it expires', async () => {
    const account = await ledger.account({ plan: 'none' })
    const key = await ledger.key(account)
    const startsAt = '2030-06-20T00:00:00Z'
    await ledger.grant(account, 10, { startsAt, expiresAt: '2030-06-21T00:00:00Z' })
    expect((await ledger.hold(key, 1)).verdict).toBe('insufficient_credits')
    await ledger.travelTo(startsAt)
    expect((await ledger.hold(key, 1)).verdict).toBe('ok')
    await ledger.travelTo('2030-06-20T23:59:59.999Z')
    expect((await ledger.hold(key, 1)).verdict).toBe('ok')
    await ledger.travelTo('2030-06-21T00:00:00Z')
    expect(await ledger.hold(key, 1)).toMatchObject({
      verdict: 'insufficient_credits',
      available: 0,
    })
  })
})

describe('a hold that ends in the next month', () => {
  test('settles on the lots it drew on, and counts in the month of the hold', async () => {
    const account = await ledger.account()
    const key = await ledger.key(account)
    const { hold, recordedAt } = await ledger.hold(key, 60)
    await ledger.travelTo('2030-07-01T00:00:10Z')
    expect((await ledger.hold(key, 1)).available).toBe(99)
    expect(await ledger.settle(hold, 40)).toMatchObject({ verdict: 'ok', available: 99 })
    expect(await lotsOf(account)).toMatchObject([
      { kind: 'allowance', held: 0, settled: 40 },
      { kind: 'allowance', held: 1, settled: 0 },
    ])
    const [event] = await ledger.sql`
      select occurred_at, recorded_at from events where type = 'HoldSettled'`
    expect(event).toEqual({ occurred_at: recordedAt, recorded_at: ledger.now })
    await catchUpAll(ledger.sql)
    const months = await ledger.sql`
      select month, held, settled from monthly_balances where key_id = ${key.keyId} order by month`
    expect(months.map((m) => [m.month.toISOString().slice(0, 7), m.held, m.settled])).toEqual([
      ['2030-06', 0, 40],
      ['2030-07', 1, 0],
    ])
  })

  test('and is released returns credits that lapse with their lot', async () => {
    const account = await ledger.account()
    const key = await ledger.key(account)
    const { hold } = await ledger.hold(key, 60)
    await ledger.travelTo('2030-07-01T00:00:10Z')
    expect(await ledger.release(hold)).toMatchObject({ verdict: 'ok', available: 100 })
    expect(await lotsOf(account)).toMatchObject([{ granted: 100, held: 0, settled: 0 }])
  })
})
