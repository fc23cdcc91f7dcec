/** What plans give beside a month's allowance: a trial, and a first month by its days. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Plan } from '../../src/config/config.ts'
import { readBalance } from '../../src/reports/account/balance.ts'
import { readStatement } from '../../src/reports/statement/read-statement.ts'
import { faultsIn } from '../mutations/faults-in.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { readLog } from '../support/log.ts'
import { breachesOf } from '../support/log-rules.ts'
import { type Ledger, openLedger, type TestAccount, testTariff } from '../support/test-ledger.ts'

const base = testTariff.plans.none as Plan
const fee = { minorUnits: 3_000, currency: 'EUR' }
const plans = {
  none: base,
  tried: { ...base, trial: { credits: 50, days: 14 } },
  triedToo: { ...base, credits: 100, trial: { credits: 80, days: 30 } },
  prorated: { ...base, credits: 1_000, fee, firstMonth: 'prorated' },
  large: { ...base, credits: 3_001, fee: { ...fee, minorUnits: 9_000 }, firstMonth: 'prorated' },
  whole: { ...base, credits: 1_000, fee, firstMonth: 'whole' },
} satisfies Record<string, Plan>

let ledger: Ledger
beforeEach(async () => {
  ledger = await openLedger({ tariff: { ...testTariff, plans } })
})
/** Whatever a test wrote, its log is as the rules have it, and verify agrees. */
afterEach(async () => {
  await catchUpAll(ledger.sql)
  const breaches = breachesOf(await readLog(ledger.sql))
  const faults = await faultsIn(ledger.url)
  await ledger.close()
  if (areFaultsTaken) return
  expect(breaches).toEqual([])
  expect(faults).toEqual([])
})

let areFaultsTaken = false
beforeEach(() => {
  areFaultsTaken = false
})

/** What is wrong with the log. */
async function takeFaults(): Promise<string[]> {
  areFaultsTaken = true
  return (await faultsIn(ledger.url)).map(({ fault }) => fault)
}

/** Runs something while a function of the ledger is broken. */
async function withFunction(name: string, part: string, broken: string, run: () => Promise<void>) {
  const [row] = await ledger.owner<[{ text: string }]>`
    select pg_get_functiondef(${name}::regproc) as text`
  if (!row.text.includes(part)) throw new Error(`${name} has no ${part}`)
  await ledger.owner.unsafe(row.text.replace(part, broken))
  await run()
  await ledger.owner.unsafe(row.text)
}

async function lotsOf({ accountId }: TestAccount, kind: string): Promise<string[]> {
  const lots = await ledger.sql<{ mode: string; granted: number; until: Date }[]>`
    select mode, granted, expires_at as until from lots
    where account_id = ${accountId} and kind = ${kind} order by lot`
  return lots.map(({ mode, granted, until }) => `${mode} ${granted} ${until.toISOString()}`)
}

const available = async ({ accountId }: TestAccount) =>
  (await readBalance(ledger.sql, accountId, 'live'))?.available

describe('a trial', () => {
  test('is given when the plan is taken, in each mode, and ends', async () => {
    const account = await ledger.account({ plan: 'tried' })
    const key = await ledger.key(account)
    expect(await lotsOf(account, 'trial')).toEqual([
      'live 50 2030-06-29T12:00:00.000Z',
      'test 50 2030-06-29T12:00:00.000Z',
    ])
    expect((await ledger.hold(key, 20)).available).toBe(30)
    await ledger.travelTo('2030-06-29T11:59:59.999Z')
    expect((await ledger.hold(key, 10)).available).toBe(20)
    await ledger.travelTo('2030-06-29T12:00:00Z')
    expect((await ledger.hold(key, 1)).verdict).toBe('insufficient_credits')
  })

  test('is given once, whatever plans the account moves through', async () => {
    const account = await ledger.account({ plan: 'tried' })
    await ledger.changePlan(account, 'triedToo')
    await ledger.changePlan(account, 'tried')
    expect(await lotsOf(account, 'trial')).toHaveLength(2)
    const other = await ledger.account({ plan: 'none' })
    await ledger.changePlan(other, 'triedToo')
    expect(await lotsOf(other, 'trial')).toEqual([
      'live 80 2030-07-15T12:00:00.000Z',
      'test 80 2030-07-15T12:00:00.000Z',
    ])
  })

  test('is none of a plan that begins with the next month, nor of one that had none when it was taken', async () => {
    const account = await ledger.account({ plan: 'none' })
    await ledger.changePlan(account, 'tried', '2030-07-01T00:00:00Z')
    await ledger.travelTo('2030-07-02T00:00:00Z')
    await ledger.publish({ ...testTariff, plans: { ...plans, none: plans.triedToo } })
    expect(await lotsOf(account, 'trial')).toEqual([])
  })

  test('repays a debt first', async () => {
    const account = await ledger.account({ plan: 'none' })
    const { accountId } = account
    await ledger.commands.adjust(0, { accountId, mode: 'live', credits: 30, actor: 'test' })
    await ledger.changePlan(account, 'tried')
    expect(await available(account)).toBe(20)
  })

  test('cannot be granted by anybody', async () => {
    const account = await ledger.account({ plan: 'none' })
    // @ts-expect-error the command knows no such kind
    await expect(ledger.grant(account, 5, { kind: 'trial' })).rejects.toThrow('by the plan alone')
  })

  test.each([
    ['given twice', `l.kind = 'trial'`, `l.kind = 'none'`, 'no trial was due'],
    [
      'missing',
      'where tp.trial is not null',
      'where false',
      '50 credits to try were due in live mode',
    ],
    ['too large', "(r.trial ->> 'credits')::bigint", '51', 'its plan gives 50 credits to try'],
    ['too long', `interval '24 hours'`, `interval '25 hours'`, 'its plan gives 14 days to try'],
  ])('that is %s is found', async (_, part, broken, fault) => {
    await withFunction('grant_trials', part, broken, async () => {
      const account = await ledger.account({ plan: 'tried' })
      await ledger.advance(1)
      await ledger.changePlan(account, 'none')
      await ledger.changePlan(account, 'tried')
    })
    expect(await takeFaults()).toContain(fault)
  })
})

describe('a prorated first month', () => {
  test('gives the part of the days that are left, the day it is taken among them', async () => {
    // 15 June, 12:00: 16 of 30 days are left.
    const account = await ledger.account({ plan: 'prorated' })
    expect(await available(account)).toBe(534)
    const key = await ledger.key(account)
    expect((await ledger.hold(key, 534)).available).toBe(0)
    expect((await ledger.hold(key, 1)).verdict).toBe('insufficient_credits')
    await ledger.travelTo('2030-07-01T00:00:00Z')
    expect((await ledger.hold(key, 1)).available).toBe(999)
    expect(await lotsOf(account, 'allowance')).toEqual([
      'live 534 2030-07-01T00:00:00.000Z',
      'live 1000 2030-08-01T00:00:00.000Z',
    ])
  })

  test('is whole for a plan that says so, and for one that is taken with the month', async () => {
    expect(await available(await ledger.account({ plan: 'whole' }))).toBe(1_000)
    const account = await ledger.account({ plan: 'none' })
    await ledger.changePlan(account, 'prorated', '2030-07-01T00:00:00Z')
    await ledger.travelTo('2030-07-20T00:00:00Z')
    expect(await available(account)).toBe(1_000)
  })

  test('of a larger plan grants what it gives beyond what was granted', async () => {
    const account = await ledger.account({ plan: 'whole' })
    await ledger.hold(await ledger.key(account), 1)
    await ledger.changePlan(account, 'prorated')
    expect(await lotsOf(account, 'allowance')).toHaveLength(1)
    await ledger.changePlan(account, 'large')
    // 16 of 30 days of 3,001 are 1,600.53: rounded up, less 1,000.
    expect(await lotsOf(account, 'allowance')).toContain('live 601 2030-07-01T00:00:00.000Z')
  })

  test('is billed by its days, and the next one whole', async () => {
    const { accountId } = await open('prorated')
    await ledger.travelTo('2030-07-03T00:00:00Z')
    const june = await readStatement(ledger.sql, { accountId, month: '2030-06', timeZone: 'UTC' })
    expect(june?.account?.fee).toMatchObject({
      ...{ plan: 'prorated', minorUnits: 1_600, currency: 'EUR' },
      prorated: { days: 16, of: 30 },
    })
    const july = await readStatement(ledger.sql, { accountId, month: '2030-07', timeZone: 'UTC' })
    expect(july?.account?.fee).toMatchObject({ plan: 'prorated', minorUnits: 3_000 })
    expect(july?.account?.fee?.prorated).toBeUndefined()
  })

  test('after a whole month of a plan that costs more bills that', async () => {
    const account = await open('prorated', { ...fee, minorUnits: 2_000 })
    await ledger.advance(86_400_000)
    await ledger.change(account, 'PlanStarted', {
      ...{ plan: 'large', from: ledger.now.toISOString(), firstMonth: 'prorated' },
      fee: { ...fee, minorUnits: 1_000 },
    })
    const { accountId } = account
    const june = await readStatement(ledger.sql, { accountId, month: '2030-06', timeZone: 'UTC' })
    expect(june?.account?.fee).toMatchObject({ plan: 'prorated', minorUnits: 1_067 })
  })
})

describe('a pack', () => {
  const small = { credits: 700, price: { minorUnits: 500, currency: 'EUR' }, validDays: 30 }
  const order = async (account: TestAccount, externalId: string, pack = 'small') => {
    const { accountId } = account
    const command = { accountId, mode: 'live', pack, externalId, actor: 'test' } as const
    return ledger.commands.grantPack(0, command)
  }
  beforeEach(async () => {
    await ledger.publish({ ...testTariff, plans, packs: { small } })
  })

  test('is a paid lot of the credits, price and time of the tariff in force', async () => {
    const account = await ledger.account({ plan: 'none' })
    const { positions = [] } = await order(account, 'order-1')
    const [event] = await ledger.sql`
      select payload, credits from events where position = ${positions[0] ?? 0}`
    expect(event).toEqual({
      credits: 700,
      payload: {
        ...{ kind: 'paid', pack: 'small', externalId: 'order-1', paid: small.price },
        startsAt: '2030-06-15T12:00:00.000000Z',
        expiresAt: '2030-07-15T12:00:00.000000Z',
      },
    })
    await ledger.travelTo('2030-07-15T11:59:59.999Z')
    expect(await available(account)).toBe(700)
    await ledger.travelTo('2030-07-15T12:00:00Z')
    expect(await available(account)).toBe(0)
  })

  test('is granted once for an order, also after the tariff has another price', async () => {
    const account = await ledger.account({ plan: 'none' })
    const first = await order(account, 'order-1')
    await ledger.publish({ ...testTariff, plans, packs: { small: { ...small, credits: 900 } } })
    expect(await order(account, 'order-1')).toMatchObject({
      ...{ verdict: 'ok', repeated: true, credits: 700 },
      positions: first.positions ?? [],
    })
    expect(await order(account, 'order-2')).toMatchObject({ verdict: 'ok', credits: 900 })
    expect(await available(account)).toBe(1_600)
  })

  test('that the tariff in force does not have is not granted', async () => {
    const account = await ledger.account({ plan: 'none' })
    expect((await order(account, 'order-1', 'large')).verdict).toBe('no_such_pack')
    await ledger.publish({ ...testTariff, plans })
    expect((await order(account, 'order-2')).verdict).toBe('no_such_pack')
  })

  test.each([
    ['of other credits', `(p.pack ->> 'credits')::bigint`, '701::bigint'],
    ['of another price', `p.pack #> '{price,minorUnits}'`, '1'],
    ['of another time', `interval '24 hours'`, `interval '25 hours'`],
  ])('%s than the tariff has is found', async (_, part, broken) => {
    await withFunction('pack_of', part, broken, async () => {
      await order(await ledger.account({ plan: 'none' }), 'order-1')
    })
    expect(await takeFaults()).toEqual(['it is not as the tariff has the pack'])
  })
})

/** An account on a plan, with what its event says as a decider writes it. */
async function open(plan: string, ofPlan = fee): Promise<TestAccount> {
  const account = await ledger.account({ plan: 'none' })
  const from = ledger.now.toISOString()
  await ledger.change(account, 'PlanStarted', { plan, from, fee: ofPlan, firstMonth: 'prorated' })
  return account
}
