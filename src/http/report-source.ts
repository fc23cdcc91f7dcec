/** Where reports read: the primary, or a standby that has followed it far enough. */
import type { Sql } from '../ledger/connect.ts'
import { type End, readEnds, stateWithin } from '../ledger/read/standby-state.ts'
import { isOfDatabase, isStatementTimeout, isUnavailable } from '../ledger/unavailable.ts'

export interface ReportSource {
  /** @param compute only reads, and may be begun again */
  read<T>(compute: (sql: Sql) => Promise<T>): Promise<T>
  /** The same of the primary, for what can change without an event. */
  readPrimary<T>(compute: (sql: Sql) => Promise<T>): Promise<T>
}

export function readFrom(sql: Sql): ReportSource {
  return { read: (compute) => compute(sql), readPrimary: (compute) => compute(sql) }
}

interface StandbyOptions {
  /** A pool that only reports use, of one server: whoever is asked how far he has come also computes. */
  readonly standby: Sql
  readonly primary: ReportSource
  /** Asked where the log ends now; of the primary. */
  readonly primarySql: Sql
  readonly warn: (message: string, error?: unknown) => void
}

/** How long a report waits for the standby to have what was in the log when it was asked for. */
const patienceMs = 5_000
/** A standby that could not be read is left in peace for so long. */
const restMs = 10_000
/** A standby ends a statement that keeps it from following the primary. */
const tries = 3

/**
 * Reads from a standby what stood in the log when the report was asked for, or more. Where the standby is away, has not come so
 * far in time, or cannot compute it, the primary is read.
 */
export function readFromStandby(options: StandbyOptions): ReportSource {
  const { standby, primary, primarySql, warn } = options
  let restsUntilMs = 0

  function leaveInPeace(why: string, error?: unknown): void {
    restsUntilMs = performance.now() + restMs
    warn(`the standby for reports ${why}: the primary is read`, error)
  }

  async function isFresh(wanted: readonly End[]): Promise<boolean> {
    try {
      const state = await stateWithin(standby, wanted, patienceMs)
      if (state === 'there') return true
      leaveInPeace(state)
    } catch (error) {
      leaveInPeace('cannot be read', error)
    }
    return false
  }

  return {
    readPrimary: primary.readPrimary,
    async read(compute) {
      if (performance.now() < restsUntilMs) return primary.read(compute)
      const wanted = await readEnds(primarySql)
      for (let attempt = 1; attempt <= tries && (await isFresh(wanted)); attempt++) {
        try {
          return await compute(standby)
        } catch (error) {
          // What took too long there takes too long on the primary as well.
          if (!isOfDatabase(error) || isStatementTimeout(error)) throw error
          if (attempt < tries && isUnavailable(error)) continue
          leaveInPeace('fails', error)
          break
        }
      }
      return primary.read(compute)
    },
  }
}
