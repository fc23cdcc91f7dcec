// Random histories over months, with holds that resolve late and in any order: whatever happened, statements
// add up, follow on each other, agree with the projections, and stay as they are once they are final.

import { expect, test } from 'bun:test'
import { balance } from '../../src/reports/balance.ts'
import { parseMonth } from '../../src/reports/month.ts'
import { statement } from '../../src/reports/statement.ts'
import type { Statement } from '../../src/reports/statement-shape.ts'
import { type BookBuilder, buildBook, type TestKey } from '../support/book-builder.ts'

const names = ['2031-01', '2031-02', '2031-03', '2031-04']
const dayMs = 86_400_000

test.each([1, 2, 3, 4])('statements of a random history add up (seed %d)', async (seed) => {
  await using book = await buildBook()
  const random = randomOf(seed)
  const finals = new Map<string, string>()
  let now = parseMonth('2031-01')?.start ?? 0
  now /= 1_000
  await book.at(new Date(now).toISOString())
  const key = await book.openAccount(pick(['free', 'pro', 'zero'], random))
  const keys = [key, await book.issueKey(key.account)]
  const open: { key: TestKey; requestId: string; credits: number }[] = []
  const charged: string[] = []

  for (let step = 0; step < 150; step++) {
    await oneStep()
    if (step % 25 === 0) await noteFinals()
  }
  await noteFinals()
  await checkAll()
  for (const { requestId } of open) await book.release(requestId)
  await noteFinals()
  await checkAll()
  expect(finals.size).toBeGreaterThan(0)

  async function oneStep(): Promise<void> {
    const credits = 1 + Math.floor(random() * 60)
    const roll = random()
    if (roll < 0.2) await advance()
    else if (roll < 0.45) await hold(credits)
    else if (roll < 0.55) await extend(credits)
    else if (roll < 0.75) await resolve()
    else if (roll < 0.85) await grant(credits * 3)
    else if (roll < 0.9) await book.adjust(key, credits * 2)
    else if (roll < 0.95) await refund()
    else if (roll < 0.98) await book.count(pick(keys, random), credits)
    else await book.startPlan(key.account, pick(['free', 'pro', 'zero'], random), iso(now))
  }

  async function advance(): Promise<void> {
    // Now and then exactly to the month's end, where mistakes are made.
    const end = new Date(now)
    const nextMonth = Date.UTC(end.getUTCFullYear(), end.getUTCMonth() + 1)
    now = random() < 0.2 ? nextMonth - pick([0, 1], random) : now + random() * 6 * dayMs
    now = Math.min(Math.floor(now), Date.UTC(2031, 4) - 1)
    await book.at(iso(now))
  }

  async function hold(credits: number): Promise<void> {
    const call = { credits, quantity: credits * 10, endpoint: pick(['search', 'speech'], random) }
    try {
      const key = pick(keys, random)
      open.push({ key, requestId: await book.hold(key, call), credits })
    } catch (error) {
      expect(String(error)).toContain('insufficient_credits')
    }
  }

  async function extend(credits: number): Promise<void> {
    const call = pick(open, random)
    if (!call) return
    try {
      await book.extend(call.key, call.requestId, credits)
      call.credits += credits
    } catch (error) {
      expect(String(error)).toContain('insufficient_credits')
    }
  }

  async function resolve(): Promise<void> {
    const [call] = open.splice(Math.floor(random() * open.length), 1)
    if (!call) return
    if (random() < 0.25) {
      await book.release(call.requestId)
      return
    }
    await book.settle(call.requestId, Math.floor(random() * (call.credits + 1)))
    charged.push(call.requestId)
  }

  async function grant(credits: number): Promise<void> {
    const startsIn = pick([0, 0, 0, 10], random) * dayMs
    const lastsMs = pick([0, 1, 20, 60], random) * dayMs
    await book.grant(key, credits, {
      startsAt: iso(now + startsIn),
      ...(lastsMs > 0 ? { expiresAt: iso(now + startsIn + lastsMs) } : {}),
    })
  }

  async function refund(): Promise<void> {
    const requestId = pick(charged, random)
    if (requestId === undefined) return
    // One credit at a time; a charge with nothing left to refund says so.
    await book.refund({ requestId, credits: 1 }).catch((error) => {
      expect(String(error)).toContain('exceeds_charge')
    })
  }

  /** A statement that says it is final must read the same for ever. */
  async function noteFinals(): Promise<void> {
    for (const found of await statements(book, key, now)) {
      const text = JSON.stringify(found)
      const noted = finals.get(found.month)
      if (noted !== undefined) expect(text).toBe(noted)
      if (found.final) finals.set(found.month, text)
    }
  }

  async function checkAll(): Promise<void> {
    const found = await statements(book, key, now)
    for (const [i, one] of found.entries()) {
      checkSums(one)
      expect(totalsOf(one).opening).toBe(i === 0 ? 0 : totalsOf(found[i - 1]).closing)
      await checkMonthlyBalances(book, key, one)
    }
    await checkLots(book, key, found)
    await checkKeys(book, keys, found)
  }
})

async function statements(book: BookBuilder, key: TestKey, nowMs: number): Promise<Statement[]> {
  const found: Statement[] = []
  for (const month of names) {
    if ((parseMonth(month)?.start ?? 0) / 1_000 > nowMs) break
    const one = await statement(book.sql, { accountId: key.accountId, month, lines: true })
    if (!one) throw new Error('no statement')
    found.push(one)
  }
  return found
}

/** Days, endpoints and lines are the same charges; lots and lines of movements are the same credits. */
function checkSums({ charges, account, refunds, held }: Statement): void {
  const { totals, lots, grants, adjustments, lapses } = account ?? fail()
  for (const m of [totals, ...lots]) {
    const sum = m.opening + m.granted + m.refunded - m.settled - m.adjusted - m.lapsed - m.held
    expect(sum).toBe(m.closing)
    expect(m.closing).toBeGreaterThanOrEqual(0)
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

async function checkMonthlyBalances(book: BookBuilder, key: TestKey, one: Statement) {
  const [row] = await book.sql`
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
async function checkLots(book: BookBuilder, key: TestKey, found: readonly Statement[]) {
  const lots = await book.sql<Record<string, number>[]>`
    select lot, granted, adjusted, held, settled, refunded,
      case when expires_at > book_now()
        then granted + refunded - adjusted - settled - held else 0 end as closing
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
  const now = await balance(book.sql, key.accountId, 'live')
  const live = now?.lots.filter((lot) => lot.available > 0).map((lot) => lot.lot) ?? []
  const closing = found.at(-1)?.account?.lots.filter((lot) => live.includes(lot.lot)) ?? []
  expect(total(closing, (lot) => lot.closing)).toBe(
    (now?.available ?? 0) - (now?.allowance.due ?? 0),
  )
}

/** The keys' charges together are the account's. */
async function checkKeys(book: BookBuilder, keys: readonly TestKey[], found: readonly Statement[]) {
  for (const { month, charges, refunds } of found) {
    const ofKeys = await Promise.all(
      keys.map(({ keyId }) => statement(book.sql, { keyId, month, lines: true })),
    )
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

function total<T>(list: readonly T[], of: (item: T) => number): number {
  return list.reduce((sum, item) => sum + of(item), 0)
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
