/**
 * The figures of usage, from the daily_usage projection, which is behind the log by at most a second. Days and months
 * are UTC, and a call counts at its own time. `requests` counts all calls that passed the gate, `errors` those of them
 * that failed and were not charged.
 */
import type { Mode } from '../../../events/event.ts'
import type { Sql } from '../../ledger/connect.ts'
import type { Sum } from '../../lib/sums.ts'
import { printTime } from '../log-reader/micros.ts'
import { monthPeriod } from '../log-reader/period.ts'

/** Usage of a key, or of an account's keys of one mode, which is live unless given. */
export interface UsageOf {
  readonly keyId?: string
  readonly accountId?: string
  readonly mode?: Mode
}

/** First and last day, `YYYY-MM-DD`, both included. */
export interface Days {
  readonly from: string
  readonly to: string
}

export interface UsageFigures {
  readonly requests: Sum
  readonly errors: Sum
  readonly credits: Sum
  /** null without requests. */
  readonly avgLatencyMs: number | null
}

export interface UsageLine extends UsageFigures {
  readonly endpoint: string
  /** In the endpoint's unit; calls where the endpoint is free. */
  readonly quantity: Sum
}

/** The days of a month. @throws RangeError when the month does not exist */
export function daysOf(month: string): Days {
  const parsed = monthPeriod(month, 'UTC')
  if (!parsed) throw new RangeError(`"${month}" is not a month: write it as 2026-01`)
  return {
    from: printTime(parsed.start).slice(0, 10),
    to: printTime(parsed.end - 1).slice(0, 10),
  }
}

/** UsageFigures as columns, over rows of `daily_usage d`. */
export function sumFigures(sql: Sql) {
  return sql`sum(d.requests) as requests, sum(d.errors) as errors,
    sum(d.credits) as credits,
    round(sum(d.latency_ms_sum) / nullif(sum(d.requests), 0))::bigint as "avgLatencyMs"`
}

/** As SQL, over rows of `daily_usage d`. */
export function isInDays(sql: Sql, { from, to }: Days) {
  return sql`d.day between ${from}::date and ${to}::date`
}

/** @throws TypeError when neither a key nor an account is given */
export function isUsageOf(sql: Sql, { keyId, accountId, mode = 'live' }: UsageOf) {
  if (keyId !== undefined && accountId !== undefined) {
    return sql`d.key_id = ${keyId} and d.account_id = ${accountId}`
  }
  if (keyId !== undefined) return sql`d.key_id = ${keyId}`
  if (accountId !== undefined) return sql`d.account_id = ${accountId} and d.mode = ${mode}`
  throw new TypeError('usage needs a key or an account')
}
