/**
 * Which plans an account had when, and which of them bills a month.
 *
 * Of the plans that have started by a time, the one with the highest position is in force. So a later decision also
 * replaces an earlier one that had not started yet. A plan starts no earlier than it was recorded: a start in the past
 * does not change what a past month bills. Nothing is computed from PlanEnded, which only repeats what the next
 * PlanStarted says; when that one is replaced before it starts, the end is void too. An erased account has no plan.
 */
import { printPosition } from '../../../events/event.ts'
import { type Micros, printTime } from '../log-reader/micros.ts'
import type { Period } from '../log-reader/period.ts'

/** What a PlanStarted says. */
export interface PlanStart {
  readonly position: number
  readonly plan: string
  readonly fee: Fee
  /** The month in which it is taken is billed by its days. */
  readonly isProrated: boolean
  readonly startsAt: Micros
  readonly recordedAt: Micros
}

/** Net, in minor units of the currency (cents for EUR). */
export interface Fee {
  readonly minorUnits: number
  readonly currency: string
}

interface BilledDays {
  readonly days: number
  readonly of: number
}

/** A plan that was in force at some time of the period. */
export interface PlanPeriod {
  readonly plan: string
  readonly fee: Fee
  /** Of the month in which a prorated plan is taken: so many of its days are billed. */
  readonly prorated?: BilledDays
  readonly from: string
  /** null: after the period's end. */
  readonly until: string | null
  readonly position: string
}

/**
 * The plans that were in force in a period so far, in the order of their decisions.
 * @param erasedAt when the account was erased; infinity where it was not
 */
export function planPeriods(
  starts: readonly PlanStart[],
  {
    shard,
    period,
    now,
    erasedAt,
  }: { shard: number; period: Period; now: Micros; erasedAt: Micros },
): PlanPeriod[] {
  const periods: PlanPeriod[] = []
  let until = erasedAt
  // Backwards, because a plan ends where any later decision starts.
  for (const start of starts.toReversed()) {
    const from = Math.max(start.startsAt, start.recordedAt)
    const isInPeriod = from < until && from < period.end && from <= now && until > period.start
    if (isInPeriod) {
      periods.unshift({
        plan: start.plan,
        fee: start.fee,
        ...(start.isProrated && from > period.start && { prorated: daysFrom(period, from) }),
        from: printTime(from),
        until: until > period.end ? null : printTime(until),
        position: printPosition({ shard, position: start.position }),
      })
    }
    until = Math.min(until, from)
  }
  return periods
}

/** The days of a period that are left, that of the time among them. */
function daysFrom({ days }: Period, time: Micros): BilledDays {
  const begun = days.filter(({ start }) => start <= time).length
  return { days: days.length - begun + 1, of: days.length }
}

/** What a month bills, and the position of the PlanStarted that says so. */
export interface MonthFee extends Fee {
  readonly plan: string
  readonly position: string
  /** What the plan costs for so many days of the month; absent: for all of them. */
  readonly prorated?: BilledDays
}

/** The fee of the plan that costs most in the month; of several that cost the same, of the latest; null without a plan. */
export function mostExpensiveFee(plans: readonly PlanPeriod[]): MonthFee | null {
  return plans.reduce<MonthFee | null>((best, { plan, position, fee, prorated }) => {
    const minorUnits = prorated ? partOf(fee.minorUnits, prorated) : fee.minorUnits
    if (best && best.minorUnits > minorUnits) return best
    return { ...fee, minorUnits, plan, position, ...(prorated && { prorated }) }
  }, null)
}

/** Rounded to the next minor unit; half of one is a whole one. */
function partOf(minorUnits: number, { days, of }: BilledDays): number {
  return Math.floor((2 * minorUnits * days + of) / (2 * of))
}
