/**
 * Which plans an account held when, and which one bills a month.
 *
 * In force at a time is the plan of the highest position among those that had started by then, so a
 * later decision also replaces an earlier one that still lay ahead. A plan starts no earlier than it was
 * recorded: a start dated back does not change what a past month bills. PlanEnded only says aloud what
 * the next PlanStarted does; when that one is replaced before its time, so is the end, and therefore
 * nothing is computed from it. An erased account holds no plan.
 */
import { printPosition } from '../../../events/event.ts'
import { type Micros, printTime } from '../log-reader/month.ts'
import type { Period } from '../log-reader/period.ts'

/** A PlanStarted, as read from the log. */
export interface PlanStart {
  readonly position: number
  readonly plan: string
  readonly fee: Fee
  readonly startsAt: Micros
  readonly recordedAt: Micros
}

/** Net, in minor units of the currency (cents for EUR). */
export interface Fee {
  readonly minorUnits: number
  readonly currency: string
}

/** A plan that was in force at some time of the period. */
export interface PlanPeriod {
  readonly plan: string
  readonly fee: Fee
  readonly from: string
  /** null: beyond the period's end. */
  readonly until: string | null
  readonly position: string
}

/** The plans held in the period so far, in the order of their decisions. */
export function planPeriods(
  starts: readonly PlanStart[],
  {
    shard,
    period,
    now,
    erasedAt,
  }: { shard: number; period: Period; now: Micros; erasedAt: Micros },
): PlanPeriod[] {
  const held: PlanPeriod[] = []
  let until = erasedAt
  // Backwards, because a plan ends where any later decision starts.
  for (const start of starts.toReversed()) {
    const from = Math.max(start.startsAt, start.recordedAt)
    const heldInPeriod = from < until && from < period.end && from <= now && until > period.start
    if (heldInPeriod) {
      held.unshift({
        plan: start.plan,
        fee: start.fee,
        from: printTime(from),
        until: until > period.end ? null : printTime(until),
        position: printPosition({ shard, position: start.position }),
      })
    }
    until = Math.min(until, from)
  }
  return held
}

/** What a month bills, and the PlanStarted that says so. */
export interface MonthFee extends Fee {
  readonly plan: string
  readonly position: string
}

/** The fee of the dearest plan held, of several equally dear ones the latest; null when none was. */
export function mostExpensiveFee(plans: readonly PlanPeriod[]): MonthFee | null {
  const mostExpensive = plans.reduce<PlanPeriod | undefined>(
    (best, plan) => (best && best.fee.minorUnits > plan.fee.minorUnits ? best : plan),
    undefined,
  )
  return mostExpensive
    ? { ...mostExpensive.fee, plan: mostExpensive.plan, position: mostExpensive.position }
    : null
}
