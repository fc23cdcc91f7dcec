/** Where reports read: the primary, or a standby that has followed it far enough. */
import type { Sql } from '../ledger/connect.ts'
import { readHeads, type ShardHead } from '../ledger/read/read-heads.ts'
import { isStatementTimeout, isUnavailable } from '../ledger/unavailable.ts'

export interface ReportSource {
  /** @param compute only reads, and may be begun again */
  read<T>(compute: (sql: Sql) => Promise<T>): Promise<T>
}

export function readFrom(sql: Sql): ReportSource {
  return { read: (compute) => compute(sql) }
}

interface StandbyOptions {
  /** A pool that only reports use. */
  readonly standby: Sql
  readonly primary: ReportSource
  /** Asked where the log ends now; of the primary. */
  readonly primarySql: Sql
  readonly warn: (message: string, error?: unknown) => void
}

/** How long a report waits for the standby to have what was in the log when it was asked for. */
const patienceMs = 2_000
const askAgainMs = 20
/** A standby ends a statement that keeps it from following the primary. */
const tries = 3

/**
 * Reads from a standby what stood in the log when the report was asked for, or more. Where the standby is away, or has not come so
 * far in time, the primary is read.
 */
export function readFromStandby(options: StandbyOptions): ReportSource {
  const { standby, primary, primarySql, warn } = options
  return {
    async read(compute) {
      const wanted = await readHeads(primarySql)
      for (let attempt = 1; attempt <= tries; attempt++) {
        try {
          if (!(await hasCome(standby, wanted))) {
            warn('the standby for reports is behind, or is none: the primary is read')
            break
          }
          return await compute(standby)
        } catch (error) {
          if (isStatementTimeout(error) || !isUnavailable(error)) throw error
          if (attempt === tries) warn('the standby for reports fails: the primary is read', error)
        }
      }
      return primary.read(compute)
    },
  }
}

async function hasCome(standby: Sql, wanted: readonly ShardHead[]): Promise<boolean> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    // One that was promoted follows nobody, and can have a log of its own.
    const [server] = await standby<[{ isStandby: boolean }]>`
      select pg_is_in_recovery() as "isStandby"`
    if (!server.isStandby) return false
    const reached = new Map((await readHeads(standby)).map((head) => [head.shard, head]))
    if (wanted.every((head) => isReached(head, reached.get(head.shard)))) return true
    if (performance.now() > deadline) return false
    await Bun.sleep(askAgainMs)
  }
}

function isReached(wanted: ShardHead, reached: ShardHead | undefined): boolean {
  return reached?.epoch === wanted.epoch && reached.position >= wanted.position
}
