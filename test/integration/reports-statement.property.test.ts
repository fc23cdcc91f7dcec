// Random histories over months, with holds that resolve late and in any order: whatever happened, statements
// add up, follow on each other, agree with the projections, and stay as they are once they are final.

import { expect, test } from 'bun:test'
import type { LogPosition } from '../../events/event.ts'
import type { Plan } from '../../src/config/config.ts'
import type { LeaseHold } from '../../src/ledger/append/call-commands.ts'
import { addSums, type Sum, subtractSums } from '../../src/lib/sums.ts'
import { readBalance } from '../../src/reports/account/balance.ts'
import { monthPeriod } from '../../src/reports/log-reader/period.ts'
import type { PeriodRequest } from '../../src/reports/statement/parse-period.ts'
import { readStatement } from '../../src/reports/statement/read-statement.ts'
import type { Statement } from '../../src/reports/statement/statement-shape.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { chargeOnLeaseCommand, leaseCommand } from '../support/gateway.ts'
import {
  billedTariff,
  buildLedger,
  type LedgerBuilder,
  type TestKey,
} from '../support/ledger-builder.ts'
import { oracleStatement } from '../support/statement-oracle/oracle-statement.ts'

const names = ['2031-01', '2031-02', '2031-03', '2031-04']
const dayMs = 86_400_000

/** Allowances of two plans roll over, in part, and one has overage. */
const { plans } = billedTariff
const rolling = {
  ...billedTariff,
  plans: {
    ...plans,
    free: { ...(plans.free as Plan), rollover: { max: 25, months: 1 } },
    pro: { ...(plans.pro as Plan), rollover: { max: 120, months: 2 } },
    zero: {
      ...(plans.zero as Plan),
      overage: { max: 90, fee: { minorUnits: 7, currency: 'EUR' }, per: 20 },
    },
  },
}

test.each([1, 2, 3, 4])('statements of a random history add up (seed %d)', async (seed) => {
  await using ledger = await buildLedger()
  const random = randomOf(seed)
  const finals = new Map<string, string>()
  const asOf: { readonly logEnd: LogPosition | Date; readonly found: readonly Statement[] }[] = []
  let now = monthPeriod('2031-01', 'UTC')?.start ?? 0
  now /= 1_000
  await ledger.at(new Date(now).toISOString())
  await ledger.ledger.publish(rolling)
  const key = await ledger.openAccount(pick(['free', 'pro', 'zero'], random))
  const keys = [key, await ledger.issueKey(key.account)]
  const open: { key: TestKey; requestId: string; credits: number }[] = []
  const leases: { key: TestKey; hold: LeaseHold }[] = []
  const charged: string[] = []

  for (let step = 0; step < 160; step++) {
    await oneStep()
    if (step % 25 === 0) await noteFinals()
    if (step % 10 === 0) await noteHead()
  }
  await noteFinals()
  await checkAll()
  for (const { requestId } of open) await ledger.release(requestId)
  for (const { hold } of leases) await ledger.ledger.release(hold)
  await noteFinals()
  await checkAll()
  expect(finals.size).toBeGreaterThan(0)
  await checkAsOf()
  await checkPeriods(ledger, key, pick(Intl.supportedValuesOf('timeZone'), random), now)

  async function oneStep(): Promise<void> {
    const credits = 1 + Math.floor(random() * 60)
    const roll = random()
    if (roll < 0.2) await advance()
    else if (roll < 0.45) await (random() < 0.3 ? useLease(credits) : hold(credits))
    else if (roll < 0.55) await extend(credits)
    else if (roll < 0.75) await resolve()
    else if (roll < 0.85) await grant(credits * 3)
    else if (roll < 0.9) await ledger.adjust(key, credits * 2)
    else if (roll < 0.95) await refund()
    else if (roll < 0.98) await ledger.count(pick(keys, random), credits)
    else await ledger.startPlan(key.account, pick(['free', 'pro', 'zero'], random), iso(now))
  }

  async function advance(): Promise<void> {
    // Now and then exactly to the month's end, where mistakes are made.
    const end = new Date(now)
    const nextMonth = Date.UTC(end.getUTCFullYear(), end.getUTCMonth() + 1)
    now = random() < 0.2 ? nextMonth - pick([0, 1], random) : now + random() * 6 * dayMs
    now = Math.min(Math.floor(now), Date.UTC(2031, 4) - 1)
    if (now > ledger.ledger.now.getTime() && asOf.length < 10) await noteTime()
    await ledger.at(iso(now))
  }

  /** The statements at the log's head, where the head's time is the ledger's. */
  async function noteHead(): Promise<void> {
    const [head] = await ledger.sql<{ shard: number; position: number; recordedAt: Date }[]>`
      select shard, position, recorded_at as "recordedAt" from heads`
    if (!head || head.recordedAt.getTime() !== now) return
    asOf.push({ logEnd: head, found: await statements(ledger, key, now) })
  }

  /** The statements before the clock moves on: nothing more is recorded at its time. */
  async function noteTime(): Promise<void> {
    const logEnd = new Date(ledger.ledger.now)
    asOf.push({ logEnd, found: await statements(ledger, key, logEnd.getTime()) })
  }

  /** A statement as of an end of the log is what it was when the log ended there. */
  async function checkAsOf(): Promise<void> {
    expect(asOf.filter(({ logEnd }) => logEnd instanceof Date).length).toBeGreaterThan(3)
    expect(asOf.filter(({ logEnd }) => !(logEnd instanceof Date)).length).toBeGreaterThan(3)
    for (const { logEnd, found } of asOf) {
      for (const { month, ...then } of found) {
        const request = { accountId: key.accountId, month, lines: true, asOf: logEnd }
        const { asOf: at, ...again } = (await readStatement(ledger.sql, request)) ?? fail()
        expect({ logEnd, again }).toEqual({ logEnd, again: { month, ...then } })
        expect(at?.time).toBe(found.at(-1)?.until as string)
      }
    }
  }

  async function hold(credits: number): Promise<void> {
    const call = { credits, quantity: credits * 10, endpoint: pick(['search', 'speech'], random) }
    try {
      const key = pick(keys, random)
      open.push({ key, requestId: await ledger.hold(key, call), credits })
    } catch (error) {
      expect(String(error)).toContain('insufficient_credits')
    }
  }

  /** Grants a lease, charges a call on one, or releases one. */
  async function useLease(credits: number): Promise<void> {
    const kept = pick(leases, random)
    const roll = random()
    if (!kept || roll < 0.25) {
      const key = pick(keys, random)
      const lease = leaseCommand(key, credits, 3)
      const { verdict } = await ledger.ledger.append(lease)
      if (verdict === 'ok') leases.push({ key, hold: lease })
      else expect(verdict).toBe('insufficient_credits')
    } else if (roll < 0.9) {
      const cost = Math.min(credits, kept.hold.credits)
      const more = { endpoint: pick(['search', 'speech'], random), quantity: cost * 10 }
      const charge = chargeOnLeaseCommand(kept.key, kept.hold, cost, more)
      const { verdict } = await ledger.ledger.append(charge)
      if (verdict === 'ok') charged.push(charge.requestId)
      else expect(verdict).toBe('insufficient_credits')
    } else {
      leases.splice(leases.indexOf(kept), 1)
      expect((await ledger.ledger.release(kept.hold)).verdict).toBe('ok')
    }
  }

  async function extend(credits: number): Promise<void> {
    const call = pick(open, random)
    if (!call) return
    try {
      await ledger.extend(call.key, call.requestId, credits)
      call.credits += credits
    } catch (error) {
      expect(String(error)).toContain('insufficient_credits')
    }
  }

  async function resolve(): Promise<void> {
    const [call] = open.splice(Math.floor(random() * open.length), 1)
    if (!call) return
    if (random() < 0.25) {
      await ledger.release(call.requestId)
      return
    }
    await ledger.settle(call.requestId, Math.floor(random() * (call.credits + 1)))
    charged.push(call.requestId)
  }

  async function grant(credits: number): Promise<void> {
    const startsIn = pick([0, 0, 0, 10], random) * dayMs
    const lastsMs = pick([0, 1, 20, 60], random) * dayMs
    await ledger.grant(key, credits, {
      startsAt: iso(now + startsIn),
      ...(lastsMs > 0 ? { expiresAt: iso(now + startsIn + lastsMs) } : {}),
    })
  }

  async function refund(): Promise<void> {
    const requestId = pick(charged, random)
    if (requestId === undefined) return
    // One credit at a time; a charge with nothing left to refund says so.
    await ledger.refund({ requestId, credits: 1 }).catch((error) => {
      expect(String(error)).toContain('exceeds_charge')
    })
  }

  /** A statement that says it is final must read the same for ever. */
  async function noteFinals(): Promise<void> {
    for (const found of await statements(ledger, key, now)) {
      const text = JSON.stringify(found)
      const noted = finals.get(found.month)
      if (noted !== undefined) expect(text).toBe(noted)
      if (found.final) finals.set(found.month, text)
    }
  }

  async function checkAll(): Promise<void> {
    const found = await statements(ledger, key, now)
    for (const [i, one] of found.entries()) {
      checkSums(one)
      expect(totalsOf(one).opening).toBe(i === 0 ? 0 : totalsOf(found[i - 1]).closing)
      await checkMonthlyBalances(ledger, key, one)
    }
    await checkLots(ledger, key, found)
    await checkKeys(ledger, keys, found)
  }
})

async function statements(
  ledger: LedgerBuilder,
  key: TestKey,
  nowMs: number,
): Promise<Statement[]> {
  const found: Statement[] = []
  for (const month of names) {
    if ((monthPeriod(month, 'UTC')?.start ?? 0) / 1_000 > nowMs) break
    const one = await readStatement(ledger.sql, { accountId: key.accountId, month, lines: true })
    if (!one) throw new Error('no statement')
    expect(one).toEqual(
      (await oracleStatement(ledger.sql, { accountId: key.accountId, month, lines: true })) ??
        fail(),
    )
    found.push(one)
  }
  return found
}

/** Days, endpoints and lines are the same charges; lots and lines of movements are the same credits. */
function checkSums({ charges, account, refunds, held }: Statement, leastClosing = 0): void {
  const { totals, lots, grants, adjustments, lapses } = account ?? fail()
  for (const m of [totals, ...lots]) {
    const taken = addSums(m.settled, m.adjusted, m.lapsed, m.held)
    const sum = subtractSums(addSums(m.opening, m.granted, m.refunded), taken)
    expect(sum).toBe(m.closing)
    expect(Number(m.closing)).toBeGreaterThanOrEqual(leastClosing)
  }
  expect(total(lots, (lot) => lot.closing)).toBe(totals.closing)
  expect(total(charges.byDay, (sum) => sum.credits)).toBe(totals.settled)
  expect(total(charges.byEndpoint, (sum) => sum.credits)).toBe(totals.settled)
  expect(total(charges.byDay, (sum) => sum.calls)).toBe(charges.calls)
  expect(total(charges.lines ?? [], (line) => line.credits)).toBe(charges.credits)
  expect(total(grants, (line) => line.credits)).toBe(totals.granted)
  expect(total(adjustments, (line) => line.credits)).toBe(totals.adjusted)
  expect(total(refunds, (line) => line.credits)).toBe(totals.refunded)
  expect(total(lapses, (line) => line.credits)).toBe(totals.lapsed)
  expect(total(held, (line) => line.credits)).toBe(totals.held)
}

/** In whatever zone: the days' statements merged are the month's, and the months' together the log. */
async function checkPeriods(ledger: LedgerBuilder, key: TestKey, timeZone: string, nowMs: number) {
  const of = (period: PeriodRequest) =>
    readStatement(ledger.sql, { accountId: key.accountId, timeZone, lines: true, ...period })
  const settled: { calls: Sum; credits: Sum } = { calls: 0, credits: 0 }
  for (const name of ['2030-12', ...names, '2031-05']) {
    const period = monthPeriod(name, timeZone) ?? fail()
    if (period.start / 1_000 > nowMs) break
    const month = (await of({ month: name })) ?? fail()
    checkSums(month, timeZone === 'UTC' ? 0 : Number.NEGATIVE_INFINITY)
    settled.calls = addSums(settled.calls, month.charges.calls)
    settled.credits = addSums(settled.credits, month.charges.credits)
    const begun = period.days.filter(({ start }) => start / 1_000 <= nowMs)
    const days = await Promise.all(
      begun.map(async (day) => (await of({ day: day.name })) ?? fail()),
    )
    expect({ timeZone, name, ...merged(days) }).toEqual({ timeZone, name, ...merged([month]) })
  }
  const [log] = await ledger.sql<{ calls: number; credits: number }[]>`
    select coalesce(sum(case type when 'HoldSettled' then 1 else quantity end), 0)::bigint as calls,
      coalesce(sum(credits) filter (where type = 'HoldSettled'), 0)::bigint as credits
    from events where account_id = ${key.accountId} and type in ('HoldSettled', 'CallsCounted')`
  expect({ timeZone, ...settled }).toEqual({ timeZone, ...(log ?? fail()) })
}

/** What the statements of consecutive periods say together. */
function merged(statements: readonly Statement[]) {
  const accounts = statements.map(({ account }) => account ?? fail())
  const columns = ['granted', 'refunded', 'settled', 'adjusted', 'lapsed', 'held'] as const
  const sums = columns.map((column) => [column, total(accounts, (of) => of.totals[column])])
  const byEndpoint: Record<string, Sum[]> = {}
  for (const { endpoint, calls, quantity, credits } of statements.flatMap(
    ({ charges }) => charges.byEndpoint,
  )) {
    const sum = byEndpoint[endpoint] ?? [0, 0, 0]
    byEndpoint[endpoint] = sum.map((of, i) => addSums(of, [calls, quantity, credits][i] ?? 0))
  }
  return {
    opening: accounts[0]?.totals.opening,
    closing: accounts.at(-1)?.totals.closing,
    ...Object.fromEntries(sums),
    byEndpoint,
    byDay: statements.flatMap(({ charges }) => charges.byDay),
    lines: statements.flatMap(({ charges }) => charges.lines ?? []),
    refunds: statements.flatMap(({ refunds }) => refunds),
    lapses: accounts.flatMap(({ lapses }) => lapses),
    grants: accounts.flatMap(({ grants }) => grants),
    debts: accounts.flatMap(({ debt }) => debt.lines),
    owed: accounts.at(-1)?.debt.closing,
  }
}

async function checkMonthlyBalances(ledger: LedgerBuilder, key: TestKey, one: Statement) {
  await catchUpAll(ledger.sql)
  const [row] = await ledger.sql`
    select coalesce(sum(calls), 0)::bigint as calls, coalesce(sum(granted), 0)::bigint as granted,
      coalesce(sum(adjusted), 0)::bigint as adjusted, coalesce(sum(held), 0)::bigint as held,
      coalesce(sum(settled), 0)::bigint as settled, coalesce(sum(refunded), 0)::bigint as refunded
    from monthly_balances where account_id = ${key.accountId} and month = ${`${one.month}-01`}::date`
  const { granted, adjusted, held, settled, refunded } = totalsOf(one)
  expect({ calls: one.charges.calls, granted, adjusted, held, settled, refunded }).toEqual({
    ...(row as Record<string, number>),
  } as never)
}

/** Lot by lot, the months together are what the projection counts, and the last closing is what is free. */
async function checkLots(ledger: LedgerBuilder, key: TestKey, found: readonly Statement[]) {
  const lots = await ledger.sql<Record<string, number>[]>`
    select lot, granted, adjusted, held, settled, refunded,
      case when expires_at > ledger_now()
        then granted + refunded - adjusted - lapsed - settled - held else 0 end as closing
    from lots where account_id = ${key.accountId} order by lot`
  const lines = found.flatMap(({ account }) => account?.lots ?? [])
  for (const lot of lots) {
    const ofLot = lines.filter((line) => line.lot === `0-${lot.lot}`)
    const last = found.at(-1)?.account?.lots.find((line) => line.lot === `0-${lot.lot}`)
    const sums = {
      granted: total(ofLot, (line) => line.granted),
      adjusted: total(ofLot, (line) => line.adjusted),
      held: total(ofLot, (line) => line.held),
      settled: total(ofLot, (line) => line.settled),
      refunded: total(ofLot, (line) => line.refunded),
      closing: last?.closing ?? 0,
    }
    expect({ lot: lot.lot, ...sums } as object).toEqual({ ...lot })
  }
  const now = await readBalance(ledger.sql, key.accountId, 'live')
  const live = now?.lots.filter((lot) => lot.available > 0).map((lot) => lot.lot) ?? []
  const closing = found.at(-1)?.account?.lots.filter((lot) => live.includes(lot.lot)) ?? []
  // What is still due of the allowance stands on no lot, and first repays what is owed.
  const due = Math.max((now?.allowance.due ?? 0) - (now?.debt ?? 0), 0)
  // What does not roll over is not available, and lapses with what comes next.
  const lapsing = (now?.lots ?? [])
    .filter((lot) => lot.available > 0)
    .map(
      (lot) =>
        lot.granted +
        lot.refunded -
        lot.adjusted -
        lot.lapsed -
        lot.settled -
        lot.held -
        lot.available,
    )
    .reduce((sum, credits) => sum + credits, 0)
  expect(total(closing, (lot) => lot.closing)).toBe((now?.available ?? 0) - due + lapsing)
}

/** The keys' charges together are the account's. */
async function checkKeys(
  ledger: LedgerBuilder,
  keys: readonly TestKey[],
  found: readonly Statement[],
) {
  for (const { month, charges, refunds } of found) {
    const ofKeys = await Promise.all(
      keys.map(({ keyId }) => readStatement(ledger.sql, { keyId, month, lines: true })),
    )
    for (const [i, { keyId }] of keys.entries()) {
      const folded = await oracleStatement(ledger.sql, { keyId, month, lines: true })
      expect(ofKeys[i]).toEqual(folded ?? fail())
    }
    expect(total(ofKeys, (one) => one?.charges.credits ?? 0)).toBe(charges.credits)
    expect(total(ofKeys, (one) => one?.charges.calls ?? 0)).toBe(charges.calls)
    expect(total(ofKeys, (one) => one?.refunds.length ?? 0)).toBe(refunds.length)
  }
}

function totalsOf(one: Statement | undefined) {
  return (one?.account ?? fail()).totals
}

function fail(): never {
  throw new Error('not an account’s statement')
}

function total<T>(list: readonly T[], of: (element: T) => Sum): Sum {
  return addSums(...list.map(of))
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

function pick<T>(list: readonly T[], random: () => number): T {
  return list[Math.floor(random() * list.length)] as T
}

/** The same numbers for the same seed: mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
