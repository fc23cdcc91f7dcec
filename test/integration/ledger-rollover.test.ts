/** What is left of an allowance rolls over into later months, as much of it as the plan says. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Plan } from '../../src/config/config.ts'
import type { Hold } from '../../src/ledger/append/call-commands.ts'
import { readBalance } from '../../src/reports/account/balance.ts'
import { readBalanceHistory } from '../../src/reports/account/balance-history.ts'
import { explainCall } from '../../src/reports/explain/explain-call.ts'
import { explainVerdict } from '../../src/reports/explain/explain-verdict.ts'
import { readStatement } from '../../src/reports/statement/read-statement.ts'
import { statementCsv } from '../../src/reports/statement/statement-csv.ts'
import { sectionsOf } from '../../src/reports/statement/statement-sections.ts'
import type { Statement } from '../../src/reports/statement/statement-shape.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import {
  chargeOnLeaseCommand,
  holdCommand,
  leaseCommand,
  settleCommand,
} from '../support/gateway.ts'
import {
  type Ledger,
  openLedger,
  type TestAccount,
  type TestKey,
  testTariff,
} from '../support/test-ledger.ts'
import { nothingWrong, wrongIn } from '../support/whole-ledger.ts'

const none = testTariff.plans.none as Plan
const plans = {
  none,
  rolling: { ...none, credits: 100, rollover: { max: 60, months: 2 } },
  short: { ...none, credits: 40, rollover: { max: 10, months: 1 } },
  plain: { ...none, credits: 100 },
} satisfies Record<string, Plan>

let ledger: Ledger
let account: TestAccount
let key: TestKey
/** 15 June, 12:00, at first. */
beforeEach(async () => {
  ledger = await openLedger({ tariff: { ...testTariff, plans } })
  account = await ledger.account({ plan: 'rolling' })
  key = await ledger.key(account)
})
afterEach(async () => {
  const wrong = await wrongIn(ledger)
  await ledger.close()
  expect(wrong).toEqual(nothingWrong)
})

const inMonth = (month: number) =>
  ledger.travelTo(`2030-${month.toString().padStart(2, '0')}-01T00:00:00Z`)

async function use(credits: number): Promise<Hold> {
  const { hold } = await ledger.hold(key, credits)
  await ledger.settle(hold, credits)
  return hold
}

/** The account's lots, with what is free of each. */
async function lots(): Promise<string[]> {
  const rows = await ledger.sql<{ kind: string; free: number; lapsed: number; until: Date }[]>`
    select kind, free, lapsed, expires_at as until from lots
    where account_id = ${account.accountId} and mode = 'live' order by lot`
  return rows.map(
    ({ kind, free, lapsed, until }) =>
      `${kind} ${free} free, ${lapsed} lapsed, until ${until.toISOString().slice(0, 10)}`,
  )
}

/** What was written of the account's credits, in order. */
async function events(): Promise<string[]> {
  const rows = await ledger.sql<{ type: string; credits: number }[]>`
    select type, credits from events where account_id = ${account.accountId} and stream_version is null order by position`
  return rows.map(({ type, credits }) => `${type} ${credits}`)
}

const available = async () => (await readBalance(ledger.sql, account.accountId, 'live'))?.available

describe('over a month’s turn', () => {
  test('what is free beyond the most lapses with the first purchase, and the rest is drawn before the new allowance', async () => {
    await use(10)
    await inMonth(7)
    expect(await available()).toBe(160)
    expect((await ledger.hold(key, 70)).available).toBe(90)
    expect(await lots()).toEqual([
      'allowance 0 free, 30 lapsed, until 2030-09-01',
      'allowance 90 free, 0 lapsed, until 2030-10-01',
    ])
    expect((await events()).slice(-3)).toEqual([
      'CreditsLapsed 30',
      'CreditsGranted 100',
      'CreditsHeld 70',
    ])
  })

  test('no more than the most, and the allowance, can be bought with', async () => {
    await use(10)
    await inMonth(7)
    const refused = await ledger.hold(key, 161)
    expect([refused.verdict, refused.available]).toEqual(['insufficient_credits', 160])
    // The refusal was decided with what lapsed by then.
    expect((await events()).at(-1)).toBe('CreditsLapsed 30')
    expect((await ledger.hold(key, 160)).available).toBe(0)
  })

  test('the oldest lapse first, and what is not used expires in the end', async () => {
    await use(70)
    await inMonth(7)
    await use(20)
    expect(await lots()).toEqual([
      'allowance 10 free, 0 lapsed, until 2030-09-01',
      'allowance 100 free, 0 lapsed, until 2030-10-01',
    ])
    await inMonth(8)
    await use(5)
    expect(await lots()).toEqual([
      'allowance 0 free, 10 lapsed, until 2030-09-01',
      'allowance 55 free, 40 lapsed, until 2030-10-01',
      'allowance 100 free, 0 lapsed, until 2030-11-01',
    ])
    await inMonth(10)
    // 100 of August are left; those of July have expired.
    expect(await available()).toBe(160)
  })

  test('what returns later from a hold, and is more than the most, lapses with what comes next', async () => {
    const { hold } = await ledger.hold(key, 80)
    await inMonth(7)
    await use(1)
    expect(await lots()).toEqual([
      'allowance 19 free, 0 lapsed, until 2030-09-01',
      'allowance 100 free, 0 lapsed, until 2030-10-01',
    ])
    await ledger.settle(hold, 5)
    expect(await available()).toBe(160)
    await ledger.advance(1)
    await use(1)
    expect(await lots()).toEqual([
      'allowance 59 free, 34 lapsed, until 2030-09-01',
      'allowance 100 free, 0 lapsed, until 2030-10-01',
    ])
  })

  test('what a refund returns lapses too, and nothing when it is taken away', async () => {
    const charged = await use(50)
    await inMonth(7)
    await use(1)
    await ledger.commands.refund(0, { requestId: charged.requestId, actor: 'test' })
    await ledger.advance(1)
    const of = { accountId: account.accountId, mode: 'live' as const, actor: 'test' }
    await ledger.commands.adjust(0, { ...of, credits: 155 })
    expect((await events()).slice(-2)).toEqual(['CreditsLapsed 39', 'CreditsAdjusted 155'])
    expect(await available()).toBe(5)
  })

  test('a batch of settles and holds is decided in its order', async () => {
    const held = await Promise.all([30, 30, 30].map((credits) => ledger.hold(key, credits)))
    await inMonth(7)
    const settles = held.map(({ hold }) => settleCommand(hold, 1))
    const holds = [40, 50, 30].map((credits) => holdCommand(key, credits))
    await Promise.all(
      [settles[0], holds[0], settles[1], holds[1], settles[2], holds[2]].map((command) =>
        ledger.append(command as (typeof holds)[0]),
      ),
    )
    await ledger.advance(1)
    await use(1)
  })

  test('a lease and its calls go on', async () => {
    const lease = leaseCommand(key, 30, 3)
    await ledger.append(lease)
    await ledger.append(chargeOnLeaseCommand(key, lease, 20))
    await inMonth(7)
    await ledger.append(chargeOnLeaseCommand(key, lease, 20))
    await ledger.release(lease, { reason: 'lease_released' })
    await ledger.advance(1)
    await use(20)
    expect(await lots()).toEqual([
      'allowance 40 free, 0 lapsed, until 2030-09-01',
      'allowance 100 free, 0 lapsed, until 2030-10-01',
    ])
  })

  test('a debt is repaid from what rolled over', async () => {
    await use(80)
    await inMonth(7)
    const of = { accountId: account.accountId, mode: 'live' as const, actor: 'test' }
    await ledger.commands.adjust(0, { ...of, credits: 150 })
    expect(await available()).toBe(0)
    await inMonth(8)
    expect((await ledger.hold(key, 71)).available).toBe(70)
    expect((await ledger.hold(key, 70)).available).toBe(0)
  })
})

describe('people see it', () => {
  /** 25 of 90 roll over no further, 5 return later, and a call is charged. */
  async function turn(): Promise<Hold> {
    await use(10)
    const { hold } = await ledger.hold(key, 10)
    await ledger.travelTo('2030-07-01T08:00:00Z')
    const charged = await use(70)
    await ledger.settle(hold, 5)
    await ledger.advance(1)
    await use(1)
    await catchUpAll(ledger.sql)
    return charged
  }

  test('in the statement: what rolled over, what lapsed, and sums that add up', async () => {
    await turn()
    const of = { accountId: account.accountId, timeZone: 'UTC' }
    const june = await readStatement(ledger.sql, { ...of, month: '2030-06' })
    const july = await readStatement(ledger.sql, { ...of, month: '2030-07' })
    expect(june?.account?.totals).toMatchObject({
      granted: 100,
      settled: 15,
      lapsed: 0,
      closing: 85,
    })
    expect(july?.account?.totals).toMatchObject({
      opening: 85,
      granted: 100,
      settled: 71,
      lapsed: 20,
      closing: 94,
    })
    expect(july?.account?.rolledOver).toBe(65)
    expect(july?.account?.lapses).toMatchObject([
      { credits: 20, because: 'rollover', positions: [expect.any(String)] },
    ])
    const text = JSON.stringify(sectionsOf(july as Statement, undefined))
    expect(text).toContain('65 rolled over from earlier months.')
    expect(text).toContain('more than rolls over')
    const entries = statementCsv(july as Statement)
      .trim()
      .split('\n')
      .map((line) => line.split(','))
    const heads = entries[0] as string[]
    const credits = (kind: string) =>
      entries
        .filter((line) => line[heads.indexOf('entry')] === kind)
        .map((line) => Number(line[heads.indexOf('credits')]))
    expect(credits('lapse')).toEqual([-20])
    const sum = ['opening', 'grant', 'refund', 'charge', 'adjustment', 'lapse', 'held'].flatMap(
      credits,
    )
    expect(sum.reduce((all, each) => all + each, 0)).toBe(credits('closing')[0] as number)
  })

  test('in what explains a call, after the lapse and before the next', async () => {
    const charged = await turn()
    const explained = await explainCall(ledger.sql, charged.requestId)
    expect(explained?.disagreements).toEqual([])
    await inMonth(8)
    const question = { keyId: key.keyId, route: 'search', counted: { credits: 1 }, at: ledger.now }
    const then = await explainVerdict(ledger.sql, question)
    expect(then).toMatchObject({ decision: { available: 160, allowanceDue: 100 } })
    expect(await available()).toBe(160)
  })

  test('in the days that were and in those to come', async () => {
    await turn()
    await ledger.travelTo('2030-07-04T00:00:00Z')
    const history = await readBalanceHistory(ledger.sql, account.accountId, 'live', 6)
    expect(history?.days).toEqual([
      '2030-06-29',
      '2030-06-30',
      '2030-07-01',
      '2030-07-02',
      '2030-07-03',
      '2030-07-04',
    ])
    expect(history?.kinds).toEqual([{ kind: 'allowance', credits: [90, 90, 94, 94, 94, 94] }])
    // 71 were charged in seven days; by August none is left to lapse.
    expect(history?.forecast?.lapses).toEqual([])
    await ledger.travelTo('2030-07-20T00:00:00Z')
    const later = await readBalanceHistory(ledger.sql, account.accountId, 'live', 2)
    expect(later?.forecast?.lapses).toEqual([
      { at: '2030-08-01T00:00:00.000Z', kind: 'allowance', credits: 34 },
    ])
    expect(later?.forecast?.kinds).toEqual([
      { kind: 'allowance', credits: [...Array(10).fill(94), ...Array(20).fill(160)] },
    ])
  })
})

describe('another plan', () => {
  test('that lets nothing roll over gives allowances of their month, and what was given before is kept as it was', async () => {
    await use(10)
    await ledger.changePlan(account, 'plain', '2030-07-01T00:00:00Z')
    await inMonth(7)
    expect((await ledger.hold(key, 10)).available).toBe(150)
    expect(await lots()).toEqual([
      'allowance 60 free, 30 lapsed, until 2030-09-01',
      'allowance 90 free, 0 lapsed, until 2030-08-01',
    ])
    await inMonth(8)
    expect((await ledger.hold(key, 161)).available).toBe(160)
    await use(160)
    await inMonth(9)
    expect(await available()).toBe(100)
  })

  test('without any allowance keeps what rolled over until it expires', async () => {
    await use(10)
    await ledger.changePlan(account, 'none', '2030-07-01T00:00:00Z')
    await inMonth(8)
    expect((await ledger.hold(key, 61)).verdict).toBe('insufficient_credits')
    await use(60)
    expect(await available()).toBe(0)
  })

  test('that keeps less keeps so much from the month after its first allowance on', async () => {
    await ledger.changePlan(account, 'short', '2030-07-01T00:00:00Z')
    await use(30)
    await inMonth(7)
    await use(1)
    expect(await lots()).toEqual([
      'allowance 59 free, 10 lapsed, until 2030-09-01',
      'allowance 40 free, 0 lapsed, until 2030-09-01',
    ])
    await inMonth(8)
    await use(1)
    expect(await lots()).toEqual([
      'allowance 0 free, 69 lapsed, until 2030-09-01',
      'allowance 9 free, 30 lapsed, until 2030-09-01',
      'allowance 40 free, 0 lapsed, until 2030-10-01',
    ])
  })

  test('in the middle of a month adds to its allowance by its own terms', async () => {
    await ledger.changePlan(account, 'short')
    await use(30)
    await ledger.changePlan(account, 'rolling')
    expect(await lots()).toEqual([
      'allowance 10 free, 0 lapsed, until 2030-08-01',
      'allowance 60 free, 0 lapsed, until 2030-09-01',
    ])
    await inMonth(7)
    await use(1)
  })
})

test('three gateways over a month’s turn sell what rolled over and the allowance, to the credit', async () => {
  const gateways = ['a', 'b', 'c'].map((name) => ledger.newGateway(name))
  const sell = async (nth: number, credits: number) => {
    const gateway = gateways[nth % gateways.length] as (typeof gateways)[0]
    const { verdict, hold } = await gateway.hold(key, credits)
    if (verdict === 'ok') await gateway.settle(hold, nth % 4 ? credits : credits - 1)
    return verdict
  }
  const june = Array.from({ length: 20 }, (_, nth) => sell(nth, 2))
  const turned = Promise.all(june.slice(0, 10)).then(() => inMonth(7))
  await Promise.all([...june, turned])
  const july = Array.from({ length: 120 }, (_, nth) => sell(nth, 2))
  const verdicts = await Promise.all(july)
  expect(new Set(verdicts)).toEqual(new Set(['ok', 'insufficient_credits']))
  await ledger.advance(1)
  for (let left = await available(); left; left = await available()) await use(1)
  const [sums] = await ledger.sql<[{ credits: number }]>`
    select sum(granted - settled - lapsed - free)::int as credits from lots where account_id = ${account.accountId}`
  expect(sums.credits).toBe(0)
  expect(await lots()).toMatchObject(
    [/^allowance 0 free/, /^allowance 0 free/].map((text) => expect.stringMatching(text)),
  )
})

test('nobody can grant what rolls over', async () => {
  const sender = JSON.stringify({ instance: 'manager', sentAt: ledger.now.toISOString() })
  const startsAt = ledger.now.toISOString()
  const payload = JSON.stringify({ kind: 'promotional', rollover: { max: 5 }, startsAt })
  await expect(
    ledger.management`select grant_v1(0::smallint, ${sender}::text::jsonb, 'grant-1', 'hash', ${account.accountId}, 'live',
      5, ${payload}, null, 'test')`.execute(),
  ).rejects.toThrow('by the plan alone')
})
