/** Calls go on in overage when nothing else is left, up to the plan's most, and the month's statement bills what they used. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Plan } from '../../src/config/config.ts'
import type { Hold } from '../../src/ledger/append/call-commands.ts'
import { readBalance } from '../../src/reports/account/balance.ts'
import { readBalanceHistory } from '../../src/reports/account/balance-history.ts'
import { explainCall } from '../../src/reports/explain/explain-call.ts'
import { explainVerdict } from '../../src/reports/explain/explain-verdict.ts'
import { simulateTariff } from '../../src/reports/simulate/simulate-tariff.ts'
import { readStatement } from '../../src/reports/statement/read-statement.ts'
import { entriesOf } from '../../src/reports/statement/statement-entries.ts'
import { sectionsOf } from '../../src/reports/statement/statement-sections.ts'
import type { Statement } from '../../src/reports/statement/statement-shape.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import {
  chargeOnLeaseCommand,
  extendCommand,
  holdCommand,
  leaseCommand,
  settleCommand,
} from '../support/gateway.ts'
import { oracleStatement } from '../support/statement-oracle/oracle-statement.ts'
import {
  type Ledger,
  openLedger,
  type TestAccount,
  type TestKey,
  testTariff,
} from '../support/test-ledger.ts'
import { nothingWrong, wrongIn } from '../support/whole-ledger.ts'

const none = testTariff.plans.none as Plan
const fee = { minorUnits: 120, currency: 'EUR' }
const plans = {
  none,
  over: { ...none, credits: 100, overage: { max: 50, fee, per: 20 } },
  wide: { ...none, credits: 100, overage: { max: 500, fee: { ...fee, minorUnits: 90 }, per: 20 } },
  plain: { ...none, credits: 100 },
} satisfies Record<string, Plan>

let ledger: Ledger
let account: TestAccount
let key: TestKey
/** 15 June, 12:00, at first. */
beforeEach(async () => {
  ledger = await openLedger({ tariff: { ...testTariff, plans } })
  account = await ledger.account({ plan: 'over' })
  key = await ledger.key(account)
})
/** Whatever a test wrote, its log is as the rules have it, verify agrees, and so do projections and statements. */
afterEach(async () => {
  const wrong = await wrongIn(ledger)
  const request = { accountId: account.accountId, month: '2030-06', lines: true }
  const statements = [
    await readStatement(ledger.sql, request),
    await oracleStatement(ledger.sql, request),
  ]
  await ledger.close()
  expect(wrong).toEqual(nothingWrong)
  expect(statements[0]).toEqual(statements[1] as Statement)
})

async function use(credits: number): Promise<Hold> {
  const { hold } = await ledger.hold(key, credits)
  await ledger.settle(hold, credits)
  return hold
}

/** The account's lots, with what is free of each. */
async function lots(mode = 'live'): Promise<string[]> {
  const rows = await ledger.sql<{ kind: string; free: number; held: number; settled: number }[]>`
    select kind, free, held, settled from lots
    where account_id = ${account.accountId} and mode = ${mode} order by lot`
  return rows.map(
    ({ kind, free, held, settled }) => `${kind} ${free} free, ${held} held, ${settled} settled`,
  )
}

/** What was written of the account's credits, in order. */
async function events(): Promise<string[]> {
  const rows = await ledger.sql<{ type: string; credits: number }[]>`
    select type, credits from events where account_id = ${account.accountId} and stream_version is null order by position`
  return rows.map(({ type, credits }) => `${type} ${credits}`)
}

const available = async () => (await readBalance(ledger.sql, account.accountId, 'live'))?.available
const adjust = (credits: number) =>
  ledger.commands.adjust(0, { accountId: account.accountId, mode: 'live', credits, actor: 'test' })

async function statement(month: string, more: object = {}): Promise<Statement> {
  const request = { accountId: account.accountId, month, timeZone: 'UTC', ...more }
  return (await readStatement(ledger.sql, request)) as Statement
}

/** What a month bills: credits and minor units. */
async function billed(month: string, more: object = {}) {
  const { account: part } = await statement(month, more)
  return part?.overage.map(({ credits, billed }) => [credits, billed.minorUnits])
}

describe('overage', () => {
  test('comes with the month’s first purchase, as a lot of the month that is drawn on last', async () => {
    expect(await available()).toBe(150)
    await ledger.grant(account, 30)
    await use(90)
    expect(await events()).toEqual([
      ...['CreditsGranted 30', 'CreditsGranted 100', 'CreditsGranted 50'],
      ...['CreditsHeld 90', 'HoldSettled 90'],
    ])
    await use(45)
    expect(await lots()).toEqual([
      'promotional 0 free, 0 held, 30 settled',
      'allowance 0 free, 0 held, 100 settled',
      'overage 45 free, 0 held, 5 settled',
    ])
    const [granted] = await ledger.sql<[{ payload: object }]>`
      select payload from events where type = 'CreditsGranted' and payload ->> 'kind' = 'overage'`
    expect(granted.payload).toEqual({
      ...{ kind: 'overage', overage: { fee, per: 20 } },
      startsAt: '2030-06-01T00:00:00Z',
      expiresAt: '2030-07-01T00:00:00Z',
    })
  })

  test('stops at its ceiling, and is billed', async () => {
    await use(100)
    await use(41)
    const refused = await ledger.hold(key, 10)
    expect([refused.verdict, refused.available]).toEqual(['insufficient_credits', 9])
    await use(9)
    expect((await ledger.hold(key, 1)).verdict).toBe('insufficient_credits')
    // Three times twenty have begun.
    expect(await billed('2030-06')).toEqual([[50, 360]])
  })

  test('is given anew in each month, and what is left of it lapses with its month', async () => {
    await use(110)
    await ledger.travelTo('2030-07-01T00:00:00Z')
    expect(await available()).toBe(150)
    await use(120)
    expect(await billed('2030-06')).toEqual([[10, 120]])
    expect(await billed('2030-07')).toEqual([[20, 120]])
    const { account: june } = await statement('2030-06')
    expect(june?.totals).toMatchObject({ granted: 150, settled: 110, lapsed: 40, closing: 0 })
  })

  test('is of each mode, and test mode is not billed', async () => {
    const tests = await ledger.key(account, { mode: 'test' })
    const { hold } = await ledger.hold(tests, 130)
    await ledger.settle(hold, 130)
    expect((await ledger.hold(tests, 21)).verdict).toBe('insufficient_credits')
    expect(await lots('test')).toEqual([
      'allowance 0 free, 0 held, 100 settled',
      'overage 20 free, 0 held, 30 settled',
    ])
    expect(await billed('2030-06', { mode: 'test' })).toEqual([])
    expect(await available()).toBe(150)
  })

  test('is not granted by anybody', async () => {
    // @ts-expect-error the command knows no such kind
    await expect(ledger.grant(account, 5, { kind: 'overage' })).rejects.toThrow('by the plan alone')
  })

  test('is held by leases before other credits, so that calls still use those first', async () => {
    const lease = leaseCommand(key, 60, 2)
    await ledger.append(lease)
    expect(await lots()).toEqual([
      'allowance 90 free, 10 held, 0 settled',
      'overage 0 free, 50 held, 0 settled',
    ])
    await ledger.append(chargeOnLeaseCommand(key, lease, 60))
    await ledger.release(lease, { reason: 'lease_released' })
    expect(await lots()).toEqual([
      'allowance 40 free, 0 held, 60 settled',
      'overage 50 free, 0 held, 0 settled',
    ])
    expect(await billed('2030-06')).toEqual([])
  })

  test('does not count in what an account may have unspent', async () => {
    await ledger.publish({
      ...testTariff,
      plans: { ...plans, over: { ...plans.over, overage: { max: 1e12, fee, per: 1 } } },
    })
    await use(1)
    const [row] = await ledger.owner`
      select unspent_credits(0::smallint, ledger_now(), ${account.accountId}, 'live')::float8 as unspent`
    expect(row).toEqual({ unspent: 0 })
  })
})

describe('what is owed', () => {
  test('is not repaid from overage, and stops it', async () => {
    await use(100)
    await adjust(30)
    expect(await events()).toContain('DebtRecorded 30')
    expect(await available()).toBe(0)
    const refused = await ledger.hold(key, 1)
    expect([refused.verdict, refused.available]).toEqual(['insufficient_credits', 0])
    await ledger.grant(account, 35)
    expect(await available()).toBe(55)
    await use(20)
    expect(await lots()).toEqual([
      'allowance 0 free, 0 held, 100 settled',
      'overage 35 free, 0 held, 15 settled',
      'promotional 0 free, 0 held, 5 settled',
    ])
  })

  test('is repaid by an allowance that is due, and then calls draw on overage', async () => {
    await adjust(100)
    await adjust(60)
    await ledger.travelTo('2030-07-01T00:00:00Z')
    expect(await available()).toBe(90)
    expect((await ledger.hold(key, 91)).verdict).toBe('insufficient_credits')
    expect((await ledger.hold(key, 90)).available).toBe(0)
    expect((await events()).slice(-4)).toEqual([
      ...['CreditsGranted 100', 'CreditsAdjusted 60', 'CreditsGranted 50', 'CreditsHeld 90'],
    ])
  })

  test('beyond the allowance that is due keeps overage away, also from calls that other credits pay', async () => {
    const { hold } = await ledger.hold(key, 100)
    await adjust(150)
    const startsAt = new Date(ledger.now.getTime() + 1_000).toISOString()
    await ledger.grant(account, 300, { startsAt })
    await adjust(100)
    await ledger.advance(2_000)
    // A lot that has started since is free beside the debt until the batch ends: a lease takes of that, and not of overage.
    const lease = leaseCommand(key, 5, 1)
    const results = await Promise.all(
      [holdCommand(key, 5), lease, settleCommand(hold, 1)].map(ledger.append),
    )
    expect(results.map(({ verdict }) => verdict)).toEqual(['ok', 'ok', 'ok'])
    expect((await lots())[1]).toBe('overage 50 free, 0 held, 0 settled')
  })

  test('leaves what is held of overage there when it is released', async () => {
    const { hold } = await ledger.hold(key, 130)
    await adjust(20)
    await ledger.release(hold)
    expect(await lots()).toEqual([
      'allowance 80 free, 0 held, 0 settled',
      'overage 50 free, 0 held, 0 settled',
    ])
  })

  test('is all that an adjustment takes beside overage', async () => {
    expect(await adjust(120)).toMatchObject({ taken: 100, debt: 20 })
    expect(await available()).toBe(0)
  })
})

describe('over a month’s turn', () => {
  test('a call of the month before is charged to its own overage, and extended by none of the new one', async () => {
    await ledger.travelTo('2030-06-30T23:59:59Z')
    const { hold } = await ledger.hold(key, 120)
    await ledger.travelTo('2030-07-01T00:00:01Z')
    await use(1)
    const extension = await ledger.append(extendCommand(key, hold, 5))
    expect([extension.verdict, extension.available]).toEqual(['insufficient_credits', 0])
    await ledger.settle(hold, 110)
    expect(await billed('2030-06')).toEqual([[10, 120]])
    expect(await billed('2030-07')).toEqual([])
    expect(await lots()).toEqual([
      'allowance 0 free, 0 held, 100 settled',
      'overage 40 free, 0 held, 10 settled',
      'allowance 99 free, 0 held, 1 settled',
      'overage 50 free, 0 held, 0 settled',
    ])
  })

  test('a refund goes back to the lot, and lowers the bill of the month in which it is given', async () => {
    await use(100)
    const hold = await use(25)
    expect(await billed('2030-06')).toEqual([[25, 240]])
    await ledger.commands.refund(0, { requestId: hold.requestId, credits: 3, actor: 'test' })
    expect(await billed('2030-06')).toEqual([[22, 240]])
    await ledger.commands.refund(0, { requestId: hold.requestId, credits: 2, actor: 'test' })
    expect(await billed('2030-06')).toEqual([[20, 120]])
    await ledger.travelTo('2030-07-05T00:00:00Z')
    await ledger.commands.refund(0, { requestId: hold.requestId, credits: 1, actor: 'test' })
    await ledger.commands.refund(0, { requestId: hold.requestId, actor: 'test' })
    expect(await billed('2030-06')).toEqual([[20, 120]])
    expect(await billed('2030-07')).toEqual([[-20, -120]])
    expect((await lots())[1]).toBe('overage 50 free, 0 held, 25 settled')
  })

  test('what another time zone counts in the next month is billed there, and all of it once', async () => {
    await ledger.travelTo('2030-06-30T21:59:59Z')
    await use(115)
    await ledger.travelTo('2030-06-30T22:00:00Z')
    await use(10)
    const timeZone = 'Europe/Berlin'
    expect(await billed('2030-06', { timeZone })).toEqual([[15, 120]])
    await ledger.travelTo('2030-07-02T00:00:00Z')
    expect(await billed('2030-07', { timeZone })).toEqual([[10, 120]])
    expect(await billed('2030-06')).toEqual([[25, 240]])
  })
})

describe('a change of plan', () => {
  test('to one with more overage gives that from the next month on', async () => {
    await use(110)
    await ledger.changePlan(account, 'wide')
    expect((await ledger.hold(key, 41)).verdict).toBe('insufficient_credits')
    await ledger.travelTo('2030-07-01T00:00:00Z')
    expect(await available()).toBe(600)
    await use(121)
    expect(await billed('2030-06')).toEqual([[10, 120]])
    expect(await billed('2030-07')).toEqual([[21, 180]])
  })

  test('to one with overage gives it at once, and to one without leaves the month’s', async () => {
    await ledger.changePlan(account, 'plain')
    await use(100)
    expect((await ledger.hold(key, 1)).verdict).toBe('insufficient_credits')
    await ledger.changePlan(account, 'over')
    await use(30)
    await ledger.changePlan(account, 'plain')
    await use(10)
    expect((await ledger.hold(key, 11)).verdict).toBe('insufficient_credits')
    await adjust(5)
    expect((await ledger.hold(key, 1)).verdict).toBe('insufficient_credits')
    expect(await billed('2030-06')).toEqual([[40, 240]])
    await ledger.travelTo('2030-07-01T00:00:00Z')
    expect(await available()).toBe(95)
  })

  test('of the tariff changes what is billed from the next month on', async () => {
    await use(110)
    const over = { ...plans.over, overage: { max: 80, fee: { ...fee, minorUnits: 500 }, per: 1 } }
    await ledger.publish({ ...testTariff, plans: { ...plans, over } })
    await use(10)
    await ledger.travelTo('2030-07-01T00:00:00Z')
    await use(102)
    expect(await billed('2030-06')).toEqual([[20, 120]])
    expect(await billed('2030-07')).toEqual([[2, 1_000]])
  })
})

describe('is shown', () => {
  test('in the statement’s tables and entries', async () => {
    await use(130)
    const found = await statement('2030-06')
    const section = sectionsOf(found, undefined).find(({ title }) => title === 'Overage')
    expect(section?.rows.map((row) => row.slice(2))).toEqual([
      ['EUR 1.20 for each started 20 credits', 'EUR 2.40'],
    ])
    const entries = entriesOf(found)
    expect(entries.filter(({ entry }) => entry === 'overage')).toMatchObject([
      { quantity: 30, credits: null, minorUnits: 240, currency: 'EUR' },
    ])
    const signed = entries.filter(({ entry }) => entry !== 'closing')
    const sum = signed.reduce((all, { credits }) => all + Number(credits ?? 0), 0)
    expect(sum).toBe(Number(entries.at(-1)?.credits))
  })

  test('in no statement of a day, for the month’s bills it', async () => {
    await use(130)
    const { accountId } = account
    const day = await readStatement(ledger.sql, { accountId, day: '2030-06-15', timeZone: 'UTC' })
    expect(day?.account?.overage).toEqual([])
  })

  test('in the balance, and not in how long credits last', async () => {
    const before = await readBalance(ledger.sql, account.accountId, 'live')
    expect(before).toMatchObject({ available: 150, overageDue: 50, allowance: { due: 100 } })
    await use(30)
    const after = await readBalance(ledger.sql, account.accountId, 'live')
    expect(after).toMatchObject({ available: 120, overageDue: 0 })
    expect(after?.lots.map(({ kind, available }) => `${kind} ${available}`)).toEqual([
      ...['allowance 70', 'overage 50'],
    ])
    await ledger.travelTo('2030-06-20T12:00:00Z')
    await catchUpAll(ledger.sql)
    const history = await readBalanceHistory(ledger.sql, account.accountId, 'live', 3)
    expect(history?.kinds.map(({ kind }) => kind)).toEqual(['allowance'])
    expect(history?.forecast?.kinds.map(({ kind }) => kind)).toEqual(['allowance'])
  })

  test('in what explains a call, before it is granted and after', async () => {
    const question = { keyId: key.keyId, route: 'search', counted: { credits: 120 } }
    const ask = async () => {
      const explained = await explainVerdict(ledger.sql, { ...question, at: ledger.now })
      if (!explained || explained === 'not_reached') throw new Error('nothing is explained')
      return explained.decision
    }
    expect(await ask()).toMatchObject({
      ...{ verdict: 'ok', available: 150, allowanceDue: 100, overageDue: 50 },
      draws: [
        { lot: null, credits: 100 },
        { lot: 'overage', credits: 20 },
      ],
    })
    const hold = await use(120)
    expect(await ask()).toMatchObject({ verdict: 'insufficient_credits', available: 30 })
    const explained = await explainCall(ledger.sql, hold.requestId)
    expect(explained).toMatchObject({ disagreements: [] })
    await adjust(10)
    expect(await ask()).toMatchObject({ available: 0, overageDue: 0 })
  })

  test('in what another tariff would have billed', async () => {
    await use(130)
    const over = { ...plans.over, overage: { max: 50, fee: { ...fee, minorUnits: 7 }, per: 1 } }
    const simulate = async (changed: Record<string, Plan>) => {
      const tariff = { ...testTariff, plans: changed }
      const found = await simulateTariff(ledger.sql, { from: '2030-06', to: '2030-06', tariff })
      return found.totals.fees
    }
    expect(await simulate(plans)).toEqual([{ currency: 'EUR', actual: 240, simulated: 240 }])
    expect(await simulate({ ...plans, over })).toEqual([
      { currency: 'EUR', actual: 240, simulated: 210 },
    ])
    expect(await simulate({ ...plans, over: plans.plain })).toEqual([
      { currency: 'EUR', actual: 240, simulated: 0 },
    ])
  })
})
