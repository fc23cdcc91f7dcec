/** Budgets: no more is bought in a day, week or month of a time zone's calendar than they say. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Verdict } from '../../src/ledger/append/call-commands.ts'
import { readUnknownTimeZones } from '../../src/ledger/read/read-unknown-time-zones.ts'
import {
  type CalendarSpan,
  endOfBudgetSpan,
  startOfBudgetSpan,
  startOfSpan,
} from '../../src/lib/calendar-span.ts'
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

test('an extension is asked of the group that its hold counts in, whatever group its key is in by then', async () => {
  await ledger.change(key, 'KeyGrouped', { group: 'team' })
  await setBudgets({ ...daily(50), group: 'team' }, { ...daily(5), group: 'others' })
  const { hold } = await ledger.hold(key, 40)
  await ledger.change(key, 'KeyGrouped', { group: 'others' })
  expect(await ledger.extend(key, hold, 11)).toMatchObject({
    ...{ verdict: 'budget_exceeded', available: 10 },
    exceeded: { name: 'group team day Europe/Berlin', credits: 50 },
  })
  expect((await ledger.extend(key, hold, 10)).verdict).toBe('ok')
  await left(5)
  await ledger.change(other, 'KeyGrouped', { group: 'team' })
  await left(0, other)
  await expectSound()
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

describe('a refusal names the budget', () => {
  const exceeded = async (credits: number, of = key) => {
    const { exceeded } = await ledger.hold(of, credits)
    return exceeded && { ...exceeded, endsAt: exceeded.endsAt.toISOString() }
  }

  test('that refuses, and when its span ends', async () => {
    await ledger.change(key, 'KeyBudgetsChanged', { budgets: [daily(20, 'UTC')] })
    await ledger.change(key, 'KeyGrouped', { group: 'team-a' })
    const weekly = { credits: 30, per: 'week', timeZone: 'Europe/Berlin', group: 'team-a' }
    const monthly = { credits: 40, per: 'month', timeZone: 'Asia/Tokyo' }
    await setBudgets(weekly, monthly)
    await use(15)
    const ofKey = `key ${key.keyId} day UTC`
    expect(await exceeded(6)).toEqual({
      ...{ name: ofKey, credits: 20, endsAt: '2030-06-16T00:00:00.000Z' },
    })
    await ledger.change(key, 'KeyBudgetsChanged', { budgets: [] })
    expect(await exceeded(16)).toEqual({
      ...{ name: 'group team-a week Europe/Berlin', credits: 30 },
      endsAt: '2030-06-16T22:00:00.000Z',
    })
    await setBudgets(monthly)
    expect(await exceeded(26)).toEqual({
      ...{ name: 'account month Asia/Tokyo', credits: 40, endsAt: '2030-06-30T15:00:00.000Z' },
    })
  })

  test('of several the one whose span ends last, or that never has so much', async () => {
    await setBudgets(daily(20), { credits: 20, per: 'month', timeZone: 'UTC' })
    await use(15)
    expect(await exceeded(6)).toMatchObject({ name: 'account month UTC' })
    await setBudgets(daily(20), { credits: 25, per: 'month', timeZone: 'UTC' })
    expect(await exceeded(21)).toMatchObject({ name: 'account day Europe/Berlin', credits: 20 })
  })
})

test('a time zone that PostgreSQL does not know is refused when the budget is set', async () => {
  await expect(setBudgets(daily(50, 'Mars/Olympus'))).rejects.toThrow('time zone')
})

describe('a time zone that the server does not know any more', () => {
  const olympus = 'Mars/Olympus'
  /** As if a server that knew the zone had set the budget, and counted in it from that time on. */
  async function setUnknown(budgets: object[], countedFrom?: string): Promise<void> {
    const text = JSON.stringify(budgets)
    await ledger.owner`update account_state set budgets = ${text}::text::jsonb where account_id = ${account.accountId}`
    await ledger.owner`update balances set budgets = ${text}::text::jsonb where account_id = ${account.accountId}`
    if (countedFrom === undefined) return
    const name = (per: string) => `account ${per} ${olympus}`
    for (const { per } of budgets as { per: string }[]) {
      await ledger.owner`insert into budget_use values (${account.accountId}, 'live', ${name(per)}, ${countedFrom}, 0, 40)`
    }
  }

  test('refuses no purchase but what the budget does, whose spans go on as they were', async () => {
    await ledger.travelTo('2030-06-15T21:00:00Z')
    await setUnknown([daily(50, olympus)], '2030-06-15T20:30:00Z')
    await left(10)
    const own = await ledger.key(await ledger.account({ plan: 'pro' }))
    await ledger.grant(own.account, 100)
    // Neither do commands of others in its batches.
    const results = await Promise.all([
      ledger.hold(key, 11),
      ledger.hold(own, 1),
      ledger.hold(key, 10),
    ])
    expect(results.map(({ verdict }) => verdict)).toEqual(['budget_exceeded', 'ok', 'ok'])
    expect(results[0]?.exceeded?.endsAt.toISOString()).toBe('2030-06-16T20:30:00.000Z')
    await left(0)
    expect(await budgetsNow()).toMatchObject([
      {
        used: 50,
        left: 0,
        startsAt: '2030-06-15T20:30:00.000Z',
        endsAt: '2030-06-16T20:30:00.000Z',
      },
    ])
    await ledger.travelTo('2030-06-16T20:29:59Z')
    await left(0)
    await ledger.travelTo('2030-06-16T20:30:00Z')
    await left(50)
    await ledger.travelTo('2030-11-16T20:31:00Z')
    await use(50)
    await left(0)
    await ledger.travelTo('2030-11-17T20:30:00Z')
    await left(50)
  })

  test.each([
    ['week', '2030-06-09T10:00:00Z', '2030-06-16T10:00:00Z'],
    ['month', '2030-05-31T22:00:00Z', '2030-06-30T22:00:00Z'],
    ['month', '2030-06-01T12:00:00Z', '2030-07-01T12:00:00Z'],
  ])('nor for a %s that began at %s', async (per, startsAt, endsAt) => {
    await setUnknown([{ credits: 50, per, timeZone: olympus }], startsAt)
    await left(10)
    await ledger.travelTo(new Date(Date.parse(endsAt) - 1_000))
    await left(10)
    await ledger.travelTo(endsAt)
    await left(50)
  })

  test('has the days of UTC where nothing was counted yet', async () => {
    await setUnknown([daily(50, olympus)])
    await use(50)
    await left(0)
    await ledger.travelTo('2030-06-16T00:00:00Z')
    await left(50)
  })

  test('keeps nobody from changing the budgets beside it', async () => {
    await setUnknown([daily(50, olympus)])
    await setBudgets(daily(50, olympus), daily(30))
    await use(30)
    await left(0)
    await expect(setBudgets(daily(50, olympus), daily(30, 'Mars/Tharsis'))).rejects.toThrow(
      'time zone',
    )
  })

  test('is told to whoever asks what is wrong', async () => {
    expect(await readUnknownTimeZones(ledger.calls)).toEqual([])
    await setUnknown([daily(50, olympus), daily(50)])
    expect(await readUnknownTimeZones(ledger.calls)).toEqual([
      { timeZone: olympus, accounts: 1, accountId: account.accountId },
    ])
  })
})

describe('clocks that were changed at short notice', () => {
  /** As if the zone's clocks had shown the day's beginning then when calls were counted. */
  async function countedFrom(startsAt: string): Promise<void> {
    await setBudgets(daily(50))
    await ledger.owner`insert into budget_use values (${account.accountId}, 'live', 'account day Europe/Berlin', ${startsAt}, 0, 40)`
  }

  test.each([
    ['earlier', '2030-06-14T23:00:00Z'],
    ['later', '2030-06-14T20:30:00Z'],
  ])('begin no day anew that began %s', async (_, startsAt) => {
    await countedFrom(startsAt)
    await ledger.travelTo('2030-06-15T12:00:00Z')
    await left(10)
    await ledger.travelTo('2030-06-15T21:59:59Z')
    await left(10)
    await ledger.travelTo('2030-06-15T22:00:00Z')
    await left(50)
  })

  test('by many hours leave the budget the days that it had', async () => {
    await countedFrom('2030-06-15T10:00:00Z')
    await ledger.travelTo('2030-06-16T09:59:59Z')
    await left(10)
    await ledger.travelTo('2030-06-16T12:00:00Z')
    await left(50)
  })
})

test('the program counts spans as the ledger does, whatever it knows of a zone', async () => {
  const zones = ['UTC', 'Europe/Berlin', 'America/Havana', 'Pacific/Kiritimati', 'Mars/Olympus']
  const times = Array.from(
    { length: 60 },
    (_, i) => Date.parse('2030-01-01T00:30:00Z') + i * 11 * 3_600_000,
  )
  const rows = await ledger.sql<(SpanRow & { last: Date; end: Date })[]>`
    select per, zone, time, last, budget_span_start(per, zone, last, time) as start, span_end(per, zone, last) as end
    from unnest(array['day', 'week', 'month']) per, unnest(${zones}::text[]) zone,
      unnest(${times.map((ms) => new Date(ms).toISOString())}::timestamptz[]) time,
      unnest(array['2029-11-30T22:00:00Z', '2030-01-01T00:00:00Z', '2029-12-31T12:00:00Z', '2029-12-31T10:00:00Z', null]::timestamptz[]) last
    where last is null or time >= last`
  const differing = rows.filter(({ per, zone, time, last, start, end }) => {
    const lastMs = last?.getTime()
    const isStart = startOfBudgetSpan(per, zone, lastMs, time.getTime()) === start.getTime()
    return (
      !isStart || (lastMs !== undefined && endOfBudgetSpan(per, zone, lastMs) !== end.getTime())
    )
  })
  expect(rows.length).toBeGreaterThan(2_000)
  expect(differing).toEqual([])
})

test('damage to what was used is named', async () => {
  await setBudgets(daily(50))
  await use(30)
  await catchUpAll(ledger.sql)
  await ledger.owner`update budget_use set used = 20`
  const damaged = (await verify()).projections.filter(({ differing }) => differing > 0)
  expect(damaged.map(({ projection }) => projection)).toEqual(['budgets'])
})
