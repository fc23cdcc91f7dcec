/**
 * What a plan gives for a UTC month: its credits. Of a prorated plan that is taken in the month, it is the part of the days that
 * are left, the day at which it is taken among them, rounded up to a credit.
 */
import type { Plan } from '../../events/tariffs.ts'

const dayMs = 86_400_000

/** When an allowance of the month of `now` expires: with the month, or later where it rolls over. Milliseconds since 1970, both. */
export function allowanceEnd(rollover: Plan['rollover'], now: number): number {
  const at = new Date(now)
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1 + (rollover?.months ?? 0))
}

/** @param takenAt, now milliseconds since 1970 */
export function allowanceOfMonth(
  { credits, firstMonth }: Pick<Plan, 'credits' | 'firstMonth'>,
  { takenAt, now }: { readonly takenAt: number; readonly now: number },
): number {
  const at = new Date(now)
  const [start, end] = [0, 1].map((more) =>
    Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + more),
  ) as [number, number]
  if (firstMonth !== 'prorated' || takenAt < start) return credits
  const daysLeft = Math.ceil((end - Math.floor(takenAt / dayMs) * dayMs) / dayMs)
  return Math.ceil((credits * daysLeft) / ((end - start) / dayMs))
}
