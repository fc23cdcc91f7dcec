/**
 * How credits moved on an account's lots in a period, most often a month.
 *
 * Each movement counts at one time:
 *
 *   granted, refunded, adjusted   when it was recorded
 *   settled, held                 the hold's time, whenever the hold is resolved: `settled` is what a resolved hold
 *                                 used (the rest never moved), `held` is all of a hold that is still open
 *   lapsed                        the lot's expiry, for what was free on it then; what came back to it afterwards,
 *                                 from a hold or a refund, lapses when that was recorded; and what of an earlier month's
 *                                 allowance does not roll over, when that was recorded
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

import { printPosition } from '../../../events/event.ts'
import { entryOf } from '../../../events/event-types.ts'
import { addSums, type Sum, toSum } from '../../lib/sums.ts'
import { type Micros, printTime } from '../log-reader/micros.ts'
import type { Period } from '../log-reader/period.ts'
import type { LotSum, PeriodBucket } from './lot-sums.ts'
import type { StatementEvent } from './statement-events.ts'

export interface Movements {
  readonly opening: Sum
  readonly granted: Sum
  readonly refunded: Sum
  readonly settled: Sum
  readonly adjusted: Sum
  readonly lapsed: Sum
  readonly held: Sum
  readonly closing: Sum
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
  readonly credits: Sum
  /**
   * expired: free when the lot expired; returned: it came to a lot that had expired already; rollover: left after the lot's month, and
   * more than rolls over.
   */
  readonly because: 'expired' | 'returned' | 'rollover'
  /** The events that returned it, or let it lapse; of an expiry, the lot itself. */
  readonly positions: readonly string[]
}

interface MovedLots {
  /** The CreditsGranted events of all lots that were moved. */
  readonly grants: readonly StatementEvent[]
  readonly sums: readonly LotSum[]
  /** The CreditsLapsed events of the period, each of one lot. */
  readonly lapsed: readonly StatementEvent[]
  /** Lots that expired by then have lapsed. */
  readonly until: Micros
}

/** @throws when the log moves a lot that it never granted */
export function lotMovements(
  shard: number,
  period: Period,
  { grants, sums, lapsed, until }: MovedLots,
): { totals: Movements; lots: LotLine[]; lapses: LapseLine[]; rolledOver: Sum } {
  const lots = new Map(grants.map((grant) => [grant.position, lotOf(grant, period)]))
  for (const sum of sums) {
    const lot = lots.get(sum.lot)
    if (!lot) {
      const name = printPosition({ shard, position: sum.lot })
      throw new Error(`the log moves lot ${name}, which it never granted`)
    }
    move(lot, sum)
  }
  const lapses = [...lots.values()]
    .filter(({ expiresAt }) => expiresAt <= until)
    .flatMap((lot) => lapsesOf(lot, period))
  for (const { lot, credits, periodBucket } of lapses) count(lot, 'lapsed', credits, periodBucket)
  lapses.push(...lapsed.map((event) => rolloverLapse(lots, event)))
  const lines = [...lots.values()].filter(hasMoved).map((lot) => lotLine(shard, lot))
  return {
    totals: totalOf(lines),
    lots: lines,
    lapses: lapses
      .filter(({ periodBucket }) => periodBucket === 1)
      .sort((a, b) => a.at - b.at || a.lot.position - b.lot.position)
      .map((lapse) => lapseLine(shard, lapse)),
    rolledOver: toSum(rolledOver([...lots.values()], lapses, period)),
  }
}

/** Its credits are counted with what else the event's type moved. */
function rolloverLapse(
  lots: ReadonlyMap<number, Lot>,
  { lots: names, occurredAt: at, credits, position }: StatementEvent,
): Lapse {
  const lot = lots.get(names?.[0] ?? 0) as Lot
  const positions = [position]
  return {
    ...{ lot, at, because: 'rollover', credits: BigInt(credits ?? 0), positions, periodBucket: 1 },
  }
}

/** Of what the period opened with, what is left of earlier months' allowances and did not lapse as more than rolls over. */
function rolledOver(
  lots: readonly Lot[],
  lapses: readonly Lapse[],
  { start, end }: Period,
): bigint {
  // Months begin in UTC, and in the statement's zone half a day sooner or later.
  const opening = lots
    .filter(({ rollsAt }) => rollsAt !== null && rollsAt < (start + end) / 2)
    .reduce((sum, lot) => sum + lot.opening, 0n)
  return lapses
    .filter(({ because }) => because === 'rollover')
    .reduce((left, { credits }) => left - credits, opening)
}

type Column = 'granted' | 'refunded' | 'settled' | 'adjusted' | 'lapsed' | 'held'

interface Lot {
  readonly position: number
  readonly kind: string
  readonly startsAt: Micros
  readonly expiresAt: Micros
  /** Of an allowance that is good after its month: that month's end; null: of another lot. */
  readonly rollsAt: Micros | null
  /** What was free on it when it expired. */
  freeAtExpiry: bigint
  /** What each later transaction returned to it, or took from it, by the transaction's time. */
  readonly late: Map<Micros, { credits: bigint; readonly positions: number[] }>
  opening: bigint
  readonly inPeriod: Record<Column, bigint>
}

function lotOf(grant: StatementEvent, period: Period): Lot {
  const credits = BigInt(grant.credits ?? 0)
  const lot: Lot = {
    position: grant.position,
    kind: String(grant.payload?.kind),
    startsAt: grant.startsAt ?? grant.recordedAt,
    expiresAt: grant.expiresAt ?? Number.POSITIVE_INFINITY,
    rollsAt: grant.payload?.rollover ? monthEnd(grant.startsAt ?? grant.recordedAt) : null,
    freeAtExpiry: 0n,
    late: new Map(),
    opening: 0n,
    inPeriod: { granted: 0n, refunded: 0n, settled: 0n, adjusted: 0n, lapsed: 0n, held: 0n },
  }
  const lateAt = grant.recordedAt >= lot.expiresAt ? grant.recordedAt : null
  addFree(lot, credits, lateAt, [grant.position])
  count(lot, 'granted', credits, periodBucketOf(period, grant.occurredAt))
  return lot
}

function move(lot: Lot, { periodBucket, type, lateAt, positions, ...sum }: LotSum): void {
  const [held, moved] = [BigInt(sum.held), BigInt(sum.moved)]
  const column = entryOf(type)?.moves
  addFree(lot, -held + (column === 'refunded' ? moved : -moved), lateAt, positions ?? [])
  // What resolves a hold takes from `held` at the hold's own time, so that only open holds remain.
  count(lot, 'held', held, periodBucket)
  if (column) count(lot, column, moved, periodBucket)
}

/** @param lateAt see LotSum */
function addFree(
  lot: Lot,
  credits: bigint,
  lateAt: Micros | null,
  positions: readonly number[],
): void {
  if (lateAt === null) {
    lot.freeAtExpiry += credits
    return
  }
  const late = lot.late.get(lateAt) ?? { credits: 0n, positions: [] }
  lot.late.set(lateAt, late)
  late.credits += credits
  late.positions.push(...positions)
}

function count(lot: Lot, column: Column, credits: bigint, periodBucket: PeriodBucket): void {
  const brings = column === 'granted' || column === 'refunded'
  if (periodBucket === 0) lot.opening += brings ? credits : -credits
  if (periodBucket === 1) lot.inPeriod[column] += credits
}

interface Lapse {
  readonly lot: Lot
  readonly at: Micros
  readonly periodBucket: PeriodBucket
  readonly credits: bigint
  readonly because: LapseLine['because']
  readonly positions: readonly number[]
}

/** What lapsed of a lot that has expired: what was free then, and what came to it later. */
function lapsesOf(lot: Lot, period: Period): Lapse[] {
  const expired: Lapse = {
    ...{ lot, at: lot.expiresAt, because: 'expired' },
    ...{ credits: lot.freeAtExpiry, positions: [lot.position] },
    // The last instant of the lot's life, so that an expiry at the month's end is the month's.
    periodBucket: periodBucketOf(period, lot.expiresAt - 1),
  }
  const returned = [...lot.late].map(
    ([at, late]): Lapse => ({
      ...{ lot, at, because: 'returned', ...late },
      periodBucket: periodBucketOf(period, at),
    }),
  )
  return [expired, ...returned].filter(({ credits }) => credits !== 0n)
}

/** The end of the UTC month. */
function monthEnd(time: Micros): Micros {
  const at = new Date(time / 1_000)
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1) * 1_000
}

function periodBucketOf({ start, end }: Period, at: Micros): PeriodBucket {
  if (at < start) return 0
  return at < end ? 1 : 2
}

function hasMoved({ opening, inPeriod }: Lot): boolean {
  return opening !== 0n || Object.values(inPeriod).some((credits) => credits !== 0n)
}

function lotLine(shard: number, { position, kind, startsAt, ...lot }: Lot): LotLine {
  const { opening, inPeriod: m } = lot
  return {
    lot: printPosition({ shard, position }),
    kind,
    startsAt: printTime(startsAt),
    expiresAt: lot.expiresAt === Number.POSITIVE_INFINITY ? null : printTime(lot.expiresAt),
    opening: toSum(opening),
    granted: toSum(m.granted),
    refunded: toSum(m.refunded),
    settled: toSum(m.settled),
    adjusted: toSum(m.adjusted),
    lapsed: toSum(m.lapsed),
    held: toSum(m.held),
    closing: toSum(opening + m.granted + m.refunded - m.settled - m.adjusted - m.lapsed - m.held),
  }
}

function lapseLine(shard: number, { lot, at, credits, because, positions }: Lapse): LapseLine {
  const print = (position: number) => printPosition({ shard, position })
  return {
    lot: print(lot.position),
    time: printTime(at),
    credits: toSum(credits),
    because,
    positions: [...new Set(positions)].sort((a, b) => a - b).map(print),
  }
}

function totalOf(lines: readonly Movements[]): Movements {
  const sum = (column: keyof Movements) => addSums(...lines.map((line) => line[column]))
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
