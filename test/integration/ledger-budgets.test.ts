/** Budgets: no more is bought in a day, week or month of a time zone's calendar than they say. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Verdict } from '../../src/ledger/append/call-commands.ts'
import { type CalendarSpan, startOfSpan } from '../../src/lib/calendar-span.ts'
import { openVerifier } from '../../src/projector/verify/verifier.ts'
import { readBalance } from '../../src/reports/account/balance.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { compareWithProjections } from '../support/compare.ts'
import { chargeOnLeaseCommand, leaseCommand } from '../support/gateway.ts'
import { withShippedClock } from '../support/shipped-clock.ts'
import { type Ledger, openLedger, type TestAccount, type TestKey } from '../support/test-ledger.ts'

let ledger: Ledger
let account: TestAccount
let key: TestKey
let other: TestKey
beforeEach(async () => {
  ledger = await openLedger()
  account = await ledger.account({ plan: 'pro' })
  await ledger.grant(account, 10_000)
  key = await ledger.key(account)
  other = await ledger.key(account)
})
afterEach(() => ledger.close())

const daily = (credits: number, timeZone = 'Europe/Berlin') =>
  ({ credits, per: 'day', timeZone }) as const
const setBudgets = (...budgets: object[]) =>
  ledger.change(account, 'AccountBudgetsChanged', { budgets })

/** Exactly so many credits can still be used. */
async function left(credits: number, of = key) {
  const refused = { verdict: 'budget_exceeded', available: credits }
  expect(await ledger.hold(of, credits + 1)).toMatchObject(refused)
}

async function use(credits: number, of = key) {
  const { hold, verdict } = await ledger.hold(of, credits)
  expect(verdict).toBe('ok')
  await ledger.settle(hold, credits)
}

async function budgetsNow() {
  return (await readBalance(ledger.sql, account.accountId, 'live'))?.budgets
}

/** Nothing in the log, the projections or the tables is wrong. */
async function expectSound() {
  await catchUpAll(ledger.sql)
  expect(await compareWithProjections(ledger.sql)).toEqual([])
  await withShippedClock(ledger, async () => expect(await verify()).toMatchObject({ sound: true }))
}

async function verify() {
  const verifier = await openVerifier({ url: ledger.url, maxDescribed: 10 })
  return verifier.run().finally(() => verifier.close())
}

test('a budget counts what all keys of its account have settled and hold, less refunds', async () => {
  await use(30)
  await setBudgets(daily(50))
  await left(50)
  const open = await ledger.hold(other, 20)
  await left(30)
  await ledger.settle(open.hold, 5)
  await left(45)
  await ledger.commands.refund(0, { requestId: open.hold.requestId, credits: 3, actor: 'test' })
  await left(48)
  const { hold } = await ledger.hold(key, 40)
  await ledger.release(hold)
  await use(48, other)
  await left(0)
  await expectSound()
})

test('calls of test mode have a budget of their own', async () => {
  await setBudgets(daily(50))
  await ledger.grant(account, 100, { mode: 'test' })
  const testKey = await ledger.key(account, { mode: 'test' })
  await use(50)
  await left(50, testKey)
})

test('a changed budget goes on counting, one that was taken away refuses nothing', async () => {
  await setBudgets(daily(50))
  await use(40)
  await setBudgets(daily(60))
  await left(20)
  await setBudgets(daily(30))
  await left(0)
  await setBudgets()
  await use(100)
  await setBudgets(daily(60))
  await left(20)
  await expectSound()
})

test('keys of a group have a budget together, and one of their own', async () => {
  const third = await ledger.key(account)
  for (const member of [key, other]) await ledger.change(member, 'KeyGrouped', { group: 'team' })
  await setBudgets({ ...daily(50), group: 'team' }, { ...daily(5), group: 'others' })
  await ledger.change(other, 'KeyBudgetsChanged', { budgets: [daily(20, 'UTC')] })
  await use(100, third)
  await use(15, other)
  await left(5, other)
  await left(35)
  await use(33)
  await left(2, other)
  // Whoever leaves the group leaves what he used.
  await ledger.change(key, 'KeyGrouped', { group: null })
  await use(40)
  await ledger.change(key, 'KeyGrouped', { group: 'others' })
  await left(5)
  await left(2, other)
  expect(await budgetsNow()).toMatchObject([
    { name: 'group others day Europe/Berlin', group: 'others', used: 0, left: 5 },
    { name: 'group team day Europe/Berlin', group: 'team', used: 48, left: 2 },
  ])
  await expectSound()
})

test('a call that ends after its key has left a group is counted where it began', async () => {
  await ledger.change(key, 'KeyGrouped', { group: 'team' })
  await setBudgets({ ...daily(50), group: 'team' })
  const { hold } = await ledger.hold(key, 40)
  await ledger.change(key, 'KeyGrouped', { group: null })
  await ledger.change(other, 'KeyGrouped', { group: 'team' })
  await left(10, other)
  await ledger.settle(hold, 30)
  await left(20, other)
  await expectSound()
})

test('a budget that only warns refuses nothing, beside one that refuses', async () => {
  await setBudgets({ ...daily(30), warnsOnly: true }, daily(50))
  await use(40)
  await left(10)
  expect(await budgetsNow()).toMatchObject([
    { warnsOnly: true, credits: 30, used: 40, left: 0 },
    { credits: 50, used: 40, left: 10 },
  ])
  await setBudgets({ ...daily(30), warnsOnly: true })
  await use(100)
  await expectSound()
})

test('of several budgets the one that leaves the least decides', async () => {
  await setBudgets(
    daily(50),
    { credits: 60, per: 'week', timeZone: 'UTC' },
    daily(80, 'Asia/Tokyo'),
  )
  await use(45)
  await left(5)
  await ledger.advance(86_400_000)
  await left(15)
})

describe('a batch', () => {
  test('counts what its commands before have bought and freed', async () => {
    await setBudgets(daily(50))
    const { hold } = await ledger.hold(key, 40)
    const results = await Promise.all([
      ledger.hold(other, 20),
      ledger.settle(hold, 10),
      ledger.hold(other, 40),
      ledger.hold(key, 1),
    ])
    const verdicts: Verdict[] = ['budget_exceeded', 'ok', 'ok', 'budget_exceeded']
    expect(results.map(({ verdict }) => verdict)).toEqual(verdicts)
    await expectSound()
  })
})

describe('an extension', () => {
  test('counts in the span of its hold', async () => {
    await ledger.travelTo('2030-06-15T21:59:00Z')
    await setBudgets(daily(50))
    const { hold } = await ledger.hold(key, 40)
    await ledger.travelTo('2030-06-15T22:01:00Z')
    await left(50)
    expect(await ledger.extend(key, hold, 11)).toMatchObject({
      ...{ verdict: 'budget_exceeded', available: 10 },
    })
    expect((await ledger.extend(key, hold, 10)).verdict).toBe('ok')
    await ledger.settle(hold, 50)
    await left(50)
    await expectSound()
  })

  test('of a hold from before the budget counts in none', async () => {
    const { hold } = await ledger.hold(key, 40)
    await setBudgets(daily(5))
    expect((await ledger.extend(key, hold, 100)).verdict).toBe('ok')
    await left(5)
    await expectSound()
  })
})

test('a lease reserves in the budget, and its calls are charged to what it leaves', async () => {
  await setBudgets(daily(50))
  const lease = leaseCommand(key, 30, 3)
  expect((await ledger.append(lease)).verdict).toBe('ok')
  await left(20)
  expect((await ledger.append(chargeOnLeaseCommand(key, lease, 15))).verdict).toBe('ok')
  await left(5)
  expect(await ledger.append(chargeOnLeaseCommand(key, lease, 6))).toMatchObject({
    ...{ verdict: 'budget_exceeded', available: 5 },
  })
  await ledger.release(lease, { reason: 'lease_released' })
  await left(35)
  await expectSound()
})

test('a call that ends on a lease of the day before counts in its own day', async () => {
  await ledger.travelTo('2030-06-15T21:59:00Z')
  await setBudgets(daily(50))
  await use(10)
  const lease = leaseCommand(key, 30, 3, { holdSeconds: 3_600 })
  expect((await ledger.append(lease)).verdict).toBe('ok')
  await left(10)
  await ledger.travelTo('2030-06-15T22:01:00Z')
  expect((await ledger.append(chargeOnLeaseCommand(key, lease, 25))).verdict).toBe('ok')
  await left(25)
  await ledger.release(lease, { reason: 'lease_released' })
  await left(25)
  await expectSound()
})

describe('a span begins', () => {
  test.each([
    ['day', 'Europe/Berlin', '2031-03-29T22:59:59Z', '2031-03-29T23:00:00Z'],
    // A day of 23 hours, and one of 25.
    ['day', 'Europe/Berlin', '2031-03-30T21:59:59Z', '2031-03-30T22:00:00Z'],
    ['day', 'Europe/Berlin', '2031-10-26T22:59:59Z', '2031-10-26T23:00:00Z'],
    // Clocks that skip midnight, and that show it twice.
    ['day', 'Asia/Beirut', '2031-03-29T21:59:59Z', '2031-03-29T22:00:00Z'],
    ['day', 'America/Havana', '2031-11-02T03:59:59Z', '2031-11-02T04:00:00Z'],
    ['day', 'America/Havana', '2031-11-03T04:59:59Z', '2031-11-03T05:00:00Z'],
    ['week', 'Europe/Berlin', '2031-03-30T21:59:59Z', '2031-03-30T22:00:00Z'],
    ['week', 'America/New_York', '2030-12-30T04:59:59Z', '2030-12-30T05:00:00Z'],
    ['month', 'Europe/Berlin', '2031-03-31T21:59:59Z', '2031-03-31T22:00:00Z'],
    ['month', 'Pacific/Kiritimati', '2030-12-31T09:59:59Z', '2030-12-31T10:00:00Z'],
  ] as const)('of a %s in %s after %s', async (per, timeZone, last, first) => {
    await ledger.travelTo(last)
    await setBudgets({ credits: 50, per, timeZone })
    await use(50)
    await left(0)
    expect(await budgetsNow()).toMatchObject([
      { used: 50, left: 0, endsAt: new Date(first).toISOString() },
    ])
    await ledger.travelTo(first)
    await left(50)
    expect(await budgetsNow()).toMatchObject([
      { used: 0, left: 50, startsAt: new Date(first).toISOString() },
    ])
  })

  test('where the calendar of the program says, in every time zone', async () => {
    const zones = Intl.supportedValuesOf('timeZone')
    const hours = Array.from(
      { length: 40 },
      (_, i) => Date.parse('2030-12-25T00:30:00Z') + i * 227 * 3_600_000,
    )
    const rows = await ledger.sql<SpanRow[]>`
      select per, zone, time, span_start(per, zone, time) as start, to_char(time at time zone zone, 'YYYY-MM-DD"T"HH24:MI:SS') as local
      from unnest(array['day', 'week', 'month']) per,
        unnest(${zones}::text[]) zone join pg_timezone_names n on n.name = zone,
        unnest(${hours.map((ms) => new Date(ms).toISOString())}::timestamptz[]) time`
    const localTime = ({ zone, time }: SpanRow) =>
      Temporal.Instant.fromEpochMilliseconds(time.getTime())
        .toZonedDateTimeISO(zone)
        .toPlainDateTime()
    // The two have time-zone databases of their own, and not of one year.
    const differing = new Set(
      rows.filter((row) => localTime(row).toString() !== row.local).map(({ zone }) => zone),
    )
    const alike = rows.filter(({ zone }) => !differing.has(zone))
    expect(alike.length).toBeGreaterThan(40_000)
    const startMs = ({ per, zone, time }: SpanRow) => startOfSpan(per, zone, time.getTime())
    expect(alike.filter((row) => startMs(row) !== row.start.getTime())).toEqual([])
  })
})

interface SpanRow {
  readonly per: CalendarSpan
  readonly zone: string
  readonly time: Date
  readonly start: Date
  /** What the clocks of the zone show, as PostgreSQL knows them. */
  readonly local: string
}

test('a time zone that PostgreSQL does not know is refused when the budget is set', async () => {
  await expect(setBudgets(daily(50, 'Mars/Olympus'))).rejects.toThrow('time zone')
})

test('damage to what was used is named', async () => {
  await setBudgets(daily(50))
  await use(30)
  await catchUpAll(ledger.sql)
  await ledger.owner`update budget_use set used = 20`
  const damaged = (await verify()).projections.filter(({ differing }) => differing > 0)
  expect(damaged.map(({ projection }) => projection)).toEqual(['budgets'])
})
