/**
 * How credits moved on an account's lots in a period, most often a month.
 *
 * Each movement counts at one time of its own, its cut, and a month has what is cut in it:
 *
 *   granted, refunded, adjusted   when they were recorded
 *   settled, held                 the time of the hold, whenever it was resolved: `settled` is what a
 *                                 resolved hold used (what it did not use never moved), `held` all of
 *                                 a hold that is still open
 *   lapsed                        what a lot had free when it expired: its expiry; what came to it
 *                                 afterwards, from a hold or a refund: when that was recorded
 *
 * A lot's opening is the sum of all that is cut before the month, its closing that and the month's, so
 *
 *   opening + granted + refunded − settled − adjusted − lapsed − held = closing
 *
 * and a month opens with what the one before closed with, in whatever order holds resolve: both are
 * the same sum. A lot that expires as the month ends lapses in that month.
 *
 * While the month runs, its closing is what is free now: on live lots what a call could draw, on lots
 * that start later what it will, on expired lots nothing. Of a past month it is what was free at the end,
 * with the holds that were open then taken as they ended. A hold that outlives its month therefore
 * moves that month's closing, and the next one's opening, once more when it resolves; and where its lot
 * expired meanwhile, the part not used is in that closing until it returns, and lapses then.
 *
 * A hold may be extended on a lot that was granted only after its own day, never after its own month in UTC. In a
 * day's statement, or a month's of another zone, such a lot closes below zero, and the next one makes up for it.
 */
import { parsePosition, printPosition } from '../../../events/event.ts'
import { entryOf } from '../../../events/event-types.ts'
import type { StatementEvent } from '../log-reader/account-events.ts'
import { type Micros, printTime } from '../log-reader/month.ts'
import type { Period } from '../log-reader/period.ts'
import type { LotSum } from './statement-sums.ts'

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
  readonly because: 'expired' | 'returned'
  /** What returned it; of an expiry, the lot itself. */
  readonly positions: readonly string[]
}

type Column = 'granted' | 'refunded' | 'settled' | 'adjusted' | 'lapsed' | 'held'

interface Lot {
  readonly position: number
  readonly kind: string
  readonly startsAt: Micros
  readonly expiresAt: Micros
  /** What was free on it when it expired. */
  free: number
  /** What came to it, or was taken from it, in each transaction after that. */
  readonly late: Map<Micros, { credits: number; readonly positions: number[] }>
  opening: number
  readonly inPeriod: Record<Column, number>
}

const gives: readonly Column[] = ['granted', 'refunded']

/** What moved an account's lots: its CreditsGranted, and what else touched them. */
interface MovedLots {
  readonly grants: readonly StatementEvent[]
  readonly sums: readonly LotSum[]
  /** Lots that expired by then have lapsed. */
  readonly until: Micros
}

/** @throws when a lot was moved that was never granted */
export function lotMovements(shard: number, period: Period, { grants, sums, until }: MovedLots) {
  const lots = new Map(grants.map((grant) => [grant.position, granted(grant)]))
  for (const sum of sums) move(sum)
  const lapses = [...lots.values()]
    .flatMap(lapsesOf)
    .sort((a, b) => a.at - b.at || numberOf(a) - numberOf(b))
  const lines = [...lots.values()]
    .filter(
      ({ opening, inPeriod }) => opening !== 0 || Object.values(inPeriod).some((of) => of !== 0),
    )
    .map(printLot)
  return { totals: sumOf(lines), lots: lines, lapses: lapses.map(({ at, ...line }) => line) }

  function granted(event: StatementEvent): Lot {
    const credits = event.credits ?? 0
    const lot: Lot = {
      position: event.position,
      kind: String(event.payload?.kind),
      startsAt: event.startsAt ?? event.recordedAt,
      expiresAt: event.expiresAt ?? Number.POSITIVE_INFINITY,
      free: 0,
      late: new Map(),
      opening: 0,
      inPeriod: { granted: 0, refunded: 0, settled: 0, adjusted: 0, lapsed: 0, held: 0 },
    }
    const lateAt = event.recordedAt >= lot.expiresAt ? event.recordedAt : null
    free(lot, credits, lateAt, [event.position])
    count(lot, 'granted', credits, cutOf(event.occurredAt))
    return lot
  }

  function move({ lot: id, periodBucket, type, lateAt, held, moved, positions }: LotSum): void {
    const lot = lots.get(id)
    if (!lot) throw new Error(`the log moves lot ${print(id)}, which it never granted`)
    const column = entryOf(type)?.moves
    free(lot, -held + (column === 'refunded' ? moved : -moved), lateAt, positions ?? [])
    // What resolves a hold takes from what is held at the hold's own time, so only open holds remain.
    count(lot, 'held', held, periodBucket)
    if (column) count(lot, column, moved, periodBucket)
  }

  function free(
    lot: Lot,
    credits: number,
    lateAt: Micros | null,
    positions: readonly number[],
  ): void {
    if (lateAt === null) {
      lot.free += credits
      return
    }
    // What one transaction does to a lot is looked at as a whole.
    const late = lot.late.get(lateAt) ?? { credits: 0, positions: [] }
    lot.late.set(lateAt, late)
    late.credits += credits
    late.positions.push(...positions)
  }

  /** Those of the period; each takes from what is free as it happens. */
  function lapsesOf(lot: Lot): (LapseLine & { readonly at: Micros })[] {
    if (lot.expiresAt > until) return []
    const late = [...lot.late].map(([at, { credits, positions }]) => ({
      ...{ at, cut: cutOf(at), credits, positions, because: 'returned' as const },
    }))
    // The last instant of the lot's life, so that an expiry at the month's end is the month's.
    const [at, positions] = [lot.expiresAt, [lot.position]]
    const expired = {
      at,
      cut: cutOf(at - 1),
      credits: lot.free,
      positions,
      because: 'expired' as const,
    }
    return [expired, ...late]
      .filter(({ credits }) => credits !== 0)
      .flatMap(({ at, cut, credits, positions, because }) => {
        count(lot, 'lapsed', credits, cut)
        if (cut !== 1) return []
        const from = [...new Set(positions)].sort((a, b) => a - b).map(print)
        return [
          { at, lot: print(lot.position), time: printTime(at), credits, because, positions: from },
        ]
      })
  }

  function count(lot: Lot, column: Column, credits: number, cut: LotSum['periodBucket']): void {
    if (cut === 0) lot.opening += gives.includes(column) ? credits : -credits
    if (cut === 1) lot.inPeriod[column] += credits
  }

  function cutOf(at: Micros): LotSum['periodBucket'] {
    if (at < period.start) return 0
    return at < period.end ? 1 : 2
  }

  function printLot(lot: Lot): LotLine {
    return {
      lot: print(lot.position),
      kind: lot.kind,
      startsAt: printTime(lot.startsAt),
      expiresAt: lot.expiresAt === Number.POSITIVE_INFINITY ? null : printTime(lot.expiresAt),
      ...closed(lot.opening, lot.inPeriod),
    }
  }

  function print(position: number): string {
    return printPosition({ shard, position })
  }
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
