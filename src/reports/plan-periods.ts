/**
 * Which plans an account held when, and which one bills a month.
 *
 * In force at a time is the plan of the highest position among those that had started by then, so a
 * later decision also replaces an earlier one that still lay ahead. A plan starts no earlier than it was
 * recorded: a start dated back does not change what a past month bills. PlanEnded only says aloud what
 * the next PlanStarted does; when that one is replaced before its time, so is the end, and therefore
 * nothing is computed from it. An erased account holds no plan.
 */
import { printPosition } from '../../events/event.ts'
import { type Micros, type Month, printTime } from './month.ts'

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

/** A plan that was in force at some time of the month. */
export interface PlanHeld {
  readonly plan: string
  readonly fee: Fee
  readonly from: string
  /** null: beyond the month's end. */
  readonly until: string | null
  readonly position: string
}

/** The plans held in the month so far, in the order of their decisions. */
export function plansHeld(
  starts: readonly PlanStart[],
  { shard, month, now, erasedAt }: { shard: number; month: Month; now: Micros; erasedAt: Micros },
): PlanHeld[] {
  const held: PlanHeld[] = []
  let until = erasedAt
  // Backwards, because a plan ends where any later decision starts.
  for (const start of starts.toReversed()) {
    const from = Math.max(start.startsAt, start.recordedAt)
    const heldInMonth = from < until && from < month.end && from <= now && until > month.start
    if (heldInMonth) {
      held.unshift({
        plan: start.plan,
        fee: start.fee,
        from: printTime(from),
        until: until > month.end ? null : printTime(until),
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
export function dearestFee(plans: readonly PlanHeld[]): MonthFee | null {
  const dearest = plans.reduce<PlanHeld | undefined>(
    (best, plan) => (best && best.fee.minorUnits > plan.fee.minorUnits ? best : plan),
    undefined,
  )
  return dearest ? { ...dearest.fee, plan: dearest.plan, position: dearest.position } : null
}
