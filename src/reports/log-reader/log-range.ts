/**
 * Where in the log to read. A report first notes where the log ends and what time it is; then it reads
 * ranges of position up to there, each range in a statement of its own. What stands in the log never
 * changes, so the ranges together are as consistent as one snapshot, and no snapshot lives longer than
 * the reading of one range.
 */
import type { LogPosition, Mode } from '../../../events/event.ts'
import type { Sql } from '../../ledger/connect.ts'
import type { Micros } from './month.ts'

export interface LogEnd {
  readonly position: number
  /** When the last event was recorded: whatever is appended later is not recorded earlier. */
  readonly recordedAt: Micros
  /** The ledger's clock, never behind the last event. */
  readonly now: Micros
}

export async function readLogEnd(sql: Sql, shard: number): Promise<LogEnd> {
  const [end] = await sql<LogEnd[]>`
    select position, micros as "recordedAt",
      greatest(micros, (extract(epoch from ledger_now()) * 1000000)::bigint) as now
    from (
      select position, (extract(epoch from recorded_at) * 1000000)::bigint as micros
      from heads where shard = ${shard}
    ) head`
  if (!end) throw new Error(`this ledger has no shard ${shard}`)
  return end
}

/**
 * Where the log ended at a position, whose time it then was, or at a time: with all that was recorded by
 * that millisecond. undefined when the position or the time lies ahead, or the position is another shard's.
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
    select (extract(epoch from recorded_at) * 1000000)::bigint as "recordedAt"
    from events where shard = ${shard} and position = ${position}`
  if (!row) return atTime ? { position: 0, recordedAt: 0, now: asOf.getTime() * 1_000 } : undefined
  const { recordedAt } = row
  return {
    position,
    recordedAt,
    now: atTime ? Math.max(asOf.getTime() * 1_000, recordedAt) : recordedAt,
  }
}

/**
 * The first position of a shard that was recorded at this time or later; one after the last when there
 * is none. Times never run backwards along position and positions have no gaps, so it is found by
 * halving, with a look at about thirty events.
 */
export async function positionAt(sql: Sql, shard: number, time: Date): Promise<number> {
  const [row] = await sql<{ position: number }[]>`
    with recursive search (low, high) as (
      select 1::bigint, h.position + 1 from heads h where h.shard = ${shard}
      union all
      select case when earlier then middle + 1 else low end, case when earlier then high else middle end
      from (
        select s.low, s.high, (s.low + s.high) / 2 as middle, coalesce((
          select e.recorded_at < ${time}::timestamptz from events e
          where e.shard = ${shard} and e.position = (s.low + s.high) / 2), true) as earlier
        from search s
        where s.low < s.high
      ) half
    )
    select low as position from search where low = high`
  return row?.position ?? 1
}

/** The account's first event, in the shard that it lives in; undefined when the log has no such account. */
export async function findFirstEvent(
  sql: Sql,
  accountId: string,
): Promise<LogPosition | undefined> {
  const [row] = await sql<LogPosition[]>`
    select shard, position from events where account_id = ${accountId} order by position limit 1`
  return row
}

/**
 * Whose a key is. This is a look into a directory, the key-state projection, because the log has no index
 * by key; figures are never taken from it.
 */
export async function findKeyOwner(
  sql: Sql,
  keyId: string,
): Promise<{ accountId: string; mode: Mode } | undefined> {
  const [row] = await sql<{ accountId: string; mode: Mode }[]>`
    select account_id as "accountId", mode from key_state where key_id = ${keyId} limit 1`
  return row
}
