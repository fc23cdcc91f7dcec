/**
 * What has to lapse of an account's allowances of earlier months: what is free of them beyond what the last of them lets roll over. The
 * ledger has the same rule in SQL (rollover_excess.sql).
 */

/** An allowance that is good after its month. Times are of one unit, whichever. */
export interface RollingLot {
  readonly lot: number
  readonly free: number
  readonly expiresAt: number
  /** Its month's end. */
  readonly rollsAt: number
  /** How much of such lots is kept then. */
  readonly max: number
}

/** @returns lot by lot, in the order in which they lapse: what expires first, then the oldest */
export function rolloverExcess(
  lots: readonly RollingLot[],
  now: number,
): { lot: number; credits: number }[] {
  const rolled = lots.filter(({ rollsAt, expiresAt }) => rollsAt <= now && now < expiresAt)
  const last = rolled.reduce<RollingLot | undefined>(
    (found, lot) => (found && found.lot > lot.lot ? found : lot),
    undefined,
  )
  const free = rolled.reduce((sum, lot) => sum + lot.free, 0)
  let left = free - (last?.max ?? 0)
  return rolled
    .toSorted((a, b) => a.expiresAt - b.expiresAt || a.lot - b.lot)
    .map(({ lot, free }) => {
      const credits = Math.max(Math.min(free, left), 0)
      left -= credits
      return { lot, credits }
    })
    .filter(({ credits }) => credits > 0)
}
