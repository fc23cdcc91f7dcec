/** Conditions and values that the queries of a statement share, as SQL. */
import { resolvingTypes, typesWith } from '../../../events/event-types.ts'
import type { Sql } from '../../ledger/connect.ts'
import { type Micros, printMicros } from '../log-reader/micros.ts'
import type { Period } from '../log-reader/period.ts'
import type { AccountRange } from '../log-reader/read-in-ranges.ts'

/** Which positions of an account are read, and which events among them. */
export interface PeriodRange extends AccountRange {
  readonly period: Period
  /** Positions after the period, of which only what extends or resolves a hold of the period or before it is read. */
  readonly isLate: boolean
}

export function isInRange(sql: Sql, { shard, accountId, keyId, mode, from, to }: AccountRange) {
  return sql`account_id = ${accountId} and shard = ${shard} and position between ${from} and ${to}
    and (mode = ${mode} or mode is null)
    ${keyId === undefined ? sql`` : sql`and key_id = ${keyId}`}`
}

export function isInPeriodRange(sql: Sql, range: PeriodRange) {
  const { isLate, period } = range
  return sql`${isInRange(sql, range)} and ${isLate ? endsHoldBefore(sql, period.end) : sql`true`}`
}

/** `start <= occurred_at < end` */
export function isBetween(sql: Sql, start: Micros, end: Micros) {
  return sql`occurred_at >= ${printMicros(start)}::text::timestamptz
    and occurred_at < ${printMicros(end)}::text::timestamptz`
}

export function timesOf(sql: Sql, times: readonly Micros[]) {
  return sql`${sql.array(times.map(printMicros), 1009)}::text[]::timestamptz[]`
}

/** What extends or resolves a hold has the hold's time. */
function endsHoldBefore(sql: Sql, end: Micros) {
  return sql`type = any(${sql.array([...typesWith('hold', 'extends'), ...resolvingTypes], 1009)})
    and occurred_at < ${printMicros(end)}::text::timestamptz`
}
