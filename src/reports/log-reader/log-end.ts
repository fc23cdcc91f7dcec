/**
 * Where a shard's log ends. A report reads this first. Then it reads ranges of positions up to there, each in a query
 * of its own. Because the log never changes, the ranges together are as consistent as one snapshot, and no snapshot
 * lives longer than one range takes.
 */
import type { LogPosition } from '../../../events/event.ts'
import type { Sql } from '../../ledger/connect.ts'
import type { Micros } from './micros.ts'
import { positionAt } from './position-at.ts'

export interface LogEnd {
  readonly position: number
  /** When the last event was recorded. No later event has an earlier time. */
  readonly recordedAt: Micros
  /** The ledger's clock, never behind the last event. */
  readonly now: Micros
}

export async function readLogEnd(sql: Sql, shard: number): Promise<LogEnd> {
  const [end] = await sql<LogEnd[]>`
    select position, micros as "recordedAt",
      greatest(micros, (extract(epoch from ledger_now()) * 1000000)::float8) as now
    from (
      select position, (extract(epoch from recorded_at) * 1000000)::float8 as micros
      from heads where shard = ${shard}
    ) head`
  if (!end) throw new Error(`this ledger has no shard ${shard}`)
  return end
}

/**
 * Where the log ended as of a position or a time. As of a time, it ended with the last event that was recorded by
 * that millisecond; as of a position, `now` is that event's time.
 * @returns undefined when the position or the time is in the future, or the position is another shard's
 */
export async function readLogEndAsOf(
  sql: Sql,
  shard: number,
  asOf: LogPosition | Date,
): Promise<LogEnd | undefined> {
  const end = await readLogEnd(sql, shard)
  const atTime = asOf instanceof Date
  if (atTime ? asOf.getTime() * 1_000 > end.now : asOf.shard !== shard) return undefined
  const position = atTime
    ? (await positionAt(sql, shard, new Date(asOf.getTime() + 1))) - 1
    : asOf.position
  const [row] = await sql<{ recordedAt: number }[]>`
    select (extract(epoch from recorded_at) * 1000000)::float8 as "recordedAt"
    from events where shard = ${shard} and position = ${position}`
  if (!row) return atTime ? { position: 0, recordedAt: 0, now: asOf.getTime() * 1_000 } : undefined
  const { recordedAt } = row
  return {
    position,
    recordedAt,
    now: atTime ? Math.max(asOf.getTime() * 1_000, recordedAt) : recordedAt,
  }
}
