/**
 * How credits moved on an account's lots in a period, most often a month.
 *
 * Each movement counts at one time:
 *
 *   granted, refunded, adjusted   when it was recorded
 *   settled, held                 the hold's time, whenever the hold is resolved: `settled` is what a resolved hold
 *                                 used (the rest never moved), `held` is all of a hold that is still open
 *   lapsed                        the lot's expiry, for what was free on it then; what came back to it afterwards,
 *                                 from a hold or a refund, lapses when that was recorded
 *
 * A lot's opening is the sum of all movements before the period. Its closing is the opening and the period's
 * movements:
 *
 *   opening + granted + refunded − settled − adjusted − lapsed − held = closing
 *
 * Both are the same sum, so a month opens with what the month before closed with, in whatever order holds resolve. A
 * lot that expires as the month ends lapses in that month.
 *
 * While the month runs, its closing is what is free now: on a live lot what a call could draw, on a lot that starts
 * later what a call will be able to draw, on an expired lot nothing. The closing of a past month is what was free at
 * its end, with the holds that were open then taken as they ended. So a hold that outlives its month moves that
 * month's closing, and the next one's opening, when it resolves. Where its lot has expired meanwhile, the unused part
 * belongs to that closing until it returns, and lapses then.
 *
 * A hold may be extended on a lot that was granted after the hold's day, but never after the hold's month in UTC. In
 * the statement of a day, or of a month in another zone, such a lot closes below zero, and the next statement makes up
 * for it.
 */
import { parsePosition, printPosition } from '../../../events/event.ts'
import { type Micros, printTime } from '../../../src/reports/log-reader/micros.ts'
import type { Period } from '../../../src/reports/log-reader/period.ts'
import type { StatementEvent } from './oracle-events.ts'

export interface Movements {
  readonly opening: number
  readonly granted: number
  readonly refunded: number
  readonly settled: number
  readonly adjusted: number
  readonly lapsed: number
  readonly held: number
  readonly closing: number
}

export interface LotLine extends Movements {
  /** Position of its CreditsGranted, which names the lot. */
  readonly lot: string
  readonly kind: string
  readonly startsAt: string
  readonly expiresAt: string | null
}

export interface LapseLine {
  readonly lot: string
  readonly time: string
  readonly credits: number
  /** expired: it was free when the lot expired; returned: it came to a lot that had expired already. */
  readonly because: 'expired' | 'returned' | 'rollover'
  /** What returned it; of an expiry, the lot itself. */
  readonly positions: readonly string[]
}

type Column = 'granted' | 'refunded' | 'settled' | 'adjusted' | 'lapsed' | 'held'

interface Lot {
  readonly position: number
  readonly kind: string
  readonly startsAt: Micros
  readonly expiresAt: Micros
  /** Whether it is good after its month. */
  readonly rolls: boolean
  /** What the ledger has free on it after the event at hand, and how much of that has lapsed. */
  free: number
  lapsed: number
  touchedAt: Micros
  /** What moved it since its last lapse, once it has expired. */
  touchedBy: number[]
  opening: number
  readonly inPeriod: Record<Column, number>
}

export interface LotMovements {
  /** To be called with each time before the events recorded then: lets lots lapse that expired by it. */
  advance(to: Micros): void
  /** A CreditsGranted: a new lot. */
  grant(event: StatementEvent): void
  /** Moves what each lot of the event holds by `event.held`; nothing is counted yet. */
  hold(event: StatementEvent): void
  /** Moves `event.moved` of each lot. */
  move(event: StatementEvent, column: 'settled' | 'refunded' | 'adjusted' | 'lapsed'): void
  /** Counts what an open hold holds, by lot. */
  countHeld(at: Micros, lots: readonly number[], held: readonly number[]): void
  print(): {
    totals: Movements
    lots: readonly LotLine[]
    lapses: readonly LapseLine[]
    rolledOver: number
  }
}

const gives: readonly Column[] = ['granted', 'refunded']

export function lotMovements(shard: number, period: Period): LotMovements {
  const lots = new Map<number, Lot>()
  const lapses: (LapseLine & { readonly at: Micros })[] = []
  /** Before this time no lot has anything to lapse. */
  let nextLapse = Number.POSITIVE_INFINITY

  function advance(to: Micros): void {
    if (to < nextLapse) return
    nextLapse = Number.POSITIVE_INFINITY
    for (const lot of lots.values()) {
      if (lot.expiresAt <= to) lapse(lot)
      else nextLapse = Math.min(nextLapse, lot.expiresAt)
    }
  }

  function lapse(lot: Lot): void {
    const credits = lot.free - lot.lapsed
    const returned = lot.touchedAt >= lot.expiresAt
    const at = returned ? lot.touchedAt : lot.expiresAt
    // The last instant of the lot's life, so that an expiry at the month's end is the month's.
    const countedAt = returned ? at : at - 1
    if (credits !== 0) {
      lot.lapsed += credits
      count(lot, 'lapsed', credits, countedAt)
      if (inPeriod(countedAt)) {
        lapses.push({
          at,
          lot: print(lot.position),
          time: printTime(at),
          credits,
          because: returned ? 'returned' : 'expired',
          positions: (returned ? lot.touchedBy : [lot.position]).map(print),
        })
      }
    }
    lot.touchedBy = []
  }

  function grant(event: StatementEvent): void {
    const lot: Lot = {
      position: event.position,
      kind: String(event.payload?.kind),
      startsAt: event.startsAt ?? event.recordedAt,
      expiresAt: event.expiresAt ?? Number.POSITIVE_INFINITY,
      rolls: event.payload?.rollover !== undefined,
      free: event.credits ?? 0,
      lapsed: 0,
      touchedAt: event.recordedAt,
      touchedBy: [event.position],
      opening: 0,
      inPeriod: { granted: 0, refunded: 0, settled: 0, adjusted: 0, lapsed: 0, held: 0 },
    }
    lots.set(event.position, lot)
    nextLapse = Math.min(nextLapse, lot.expiresAt)
    count(lot, 'granted', lot.free, event.occurredAt)
  }

  function hold(event: StatementEvent): void {
    for (const [lot, credits] of each(event, event.held)) {
      lot.free -= credits
      touch(lot, event)
    }
  }

  function move(
    event: StatementEvent,
    column: 'settled' | 'refunded' | 'adjusted' | 'lapsed',
  ): void {
    for (const [lot, credits] of each(event, event.moved)) {
      lot.free += column === 'refunded' ? credits : -credits
      touch(lot, event)
      count(lot, column, credits, event.occurredAt)
      if (column === 'lapsed' && inPeriod(event.occurredAt)) noteRollover(lot, event)
    }
  }

  function noteRollover(lot: Lot, { occurredAt: at, credits, position }: StatementEvent): void {
    const line = { lot: print(lot.position), time: printTime(at), credits: credits ?? 0 }
    lapses.push({ at, ...line, because: 'rollover', positions: [print(position)] })
  }

  /** What of the opening is of an earlier month's allowance, and was kept. */
  function rolledOver(): number {
    const middle = new Date((period.start + period.end) / 2_000)
    const month = Date.UTC(middle.getUTCFullYear(), middle.getUTCMonth()) * 1_000
    const rolled = [...lots.values()].filter((lot) => lot.rolls && lot.startsAt < month)
    return lapses
      .filter(({ because }) => because === 'rollover')
      .reduce(
        (left, { credits }) => left - credits,
        rolled.reduce((sum, lot) => sum + lot.opening, 0),
      )
  }

  function countHeld(at: Micros, ids: readonly number[], held: readonly number[]): void {
    ids.forEach((id, i) => {
      count(lotOf(id), 'held', held[i] ?? 0, at)
    })
  }

  function touch(lot: Lot, event: StatementEvent): void {
    lot.touchedAt = event.recordedAt
    if (lot.expiresAt > event.recordedAt) return
    if (lot.touchedBy.at(-1) !== event.position) lot.touchedBy.push(event.position)
    // What one transaction does to the lot is looked at as a whole, at the next later time.
    nextLapse = Math.min(nextLapse, event.recordedAt)
  }

  function count(lot: Lot, column: Column, credits: number, at: Micros): void {
    if (at < period.start) lot.opening += gives.includes(column) ? credits : -credits
    else if (inPeriod(at)) lot.inPeriod[column] += credits
  }

  function inPeriod(at: Micros): boolean {
    return at >= period.start && at < period.end
  }

  function each(event: StatementEvent, credits: readonly number[] | null): [Lot, number][] {
    if (!credits) return []
    return (event.lots ?? []).map((id, i) => [lotOf(id), credits[i] ?? 0])
  }

  function lotOf(id: number): Lot {
    const lot = lots.get(id)
    if (!lot) throw new Error(`the log moves lot ${print(id)}, which it never granted`)
    return lot
  }

  function print(position: number): string {
    return printPosition({ shard, position })
  }

  function printLots() {
    const moved = [...lots.values()].filter(
      (lot) => lot.opening !== 0 || Object.values(lot.inPeriod).some((credits) => credits !== 0),
    )
    const lines = moved.map((lot) => ({
      lot: print(lot.position),
      kind: lot.kind,
      startsAt: printTime(lot.startsAt),
      expiresAt: lot.expiresAt === Number.POSITIVE_INFINITY ? null : printTime(lot.expiresAt),
      ...closed(lot.opening, lot.inPeriod),
    }))
    return {
      totals: sumOf(lines),
      rolledOver: rolledOver(),
      lots: lines,
      // A lot may lapse unseen for as long as nothing else happens.
      lapses: lapses
        .sort((a, b) => a.at - b.at || numberOf(a) - numberOf(b))
        .map(({ at, ...line }) => line),
    }
  }

  return { advance, grant, hold, move, countHeld, print: printLots }
}

function closed(opening: number, m: Readonly<Record<Column, number>>): Movements {
  const closing = opening + m.granted + m.refunded - m.settled - m.adjusted - m.lapsed - m.held
  return { opening, ...m, closing }
}

function sumOf(lines: readonly Movements[]): Movements {
  const sum = (column: keyof Movements) => lines.reduce((total, line) => total + line[column], 0)
  return {
    opening: sum('opening'),
    granted: sum('granted'),
    refunded: sum('refunded'),
    settled: sum('settled'),
    adjusted: sum('adjusted'),
    lapsed: sum('lapsed'),
    held: sum('held'),
    closing: sum('closing'),
  }
}

/** What lapses at one time is in the order of its lots. */
function numberOf({ lot }: LapseLine): number {
  return parsePosition(lot)?.position ?? 0
}
