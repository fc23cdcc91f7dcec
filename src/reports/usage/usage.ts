/**
 * Usage, from the daily_usage projection: behind the log by at most a second. Days and months are UTC
 * and cut on the call's own time. `requests` counts all calls that passed the gate, `errors` those of
 * them that were not charged because they failed. Test mode is left out unless a key or a mode asks
 * for it.
 */
import type { Mode } from '../../../events/event.ts'
import type { Sql } from '../../ledger/connect.ts'
import { printTime } from '../log-reader/micros.ts'
import { monthPeriod } from '../log-reader/period.ts'

/** A key's or an account's; of an account's keys those of one mode, live unless said. */
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
  readonly requests: number
  readonly errors: number
  readonly credits: number
  /** null when there were no requests */
  readonly avgLatencyMs: number | null
}

export interface UsageLine extends UsageFigures {
  readonly endpoint: string
  /** What the endpoint counts; of a free one the calls. */
  readonly quantity: number
}

export interface DailyUsage extends UsageLine {
  /** `YYYY-MM-DD` */
  readonly date: string
}

export interface UsageSummary extends UsageFigures {
  /** Errors by requests, 0 to 1. */
  readonly errorRate: number
  readonly lastUsedAt: string | null
  readonly byEndpoint: readonly UsageLine[]
}

/** Usage by day and endpoint, the latest day first. */
export function readUsageByDay(sql: Sql, of: UsageOf & Days): Promise<DailyUsage[]> {
  return sql<DailyUsage[]>`
    select to_char(d.day, 'YYYY-MM-DD') as date, d.endpoint, ${figures(sql)}, sum(d.quantity)::bigint as quantity
    from daily_usage d
    where ${isOf(sql, of)} and ${isIn(sql, of)}
    group by d.day, d.endpoint
    order by d.day desc, d.endpoint`
}

/** Totals of a month (`YYYY-MM`), or of all time. */
export async function readUsageSummary(
  sql: Sql,
  of: UsageOf & { readonly month?: string },
): Promise<UsageSummary> {
  const days = of.month === undefined ? undefined : daysOf(of.month)
  const rows = await sql<(UsageLine & { latencyMsSum: number; lastUsedAt: Date })[]>`
    select d.endpoint, ${figures(sql)}, sum(d.quantity)::bigint as quantity,
      sum(d.latency_ms_sum)::bigint as "latencyMsSum", max(d.last_used_at) as "lastUsedAt"
    from daily_usage d
    where ${isOf(sql, of)} and ${days ? isIn(sql, days) : sql`true`}
    group by d.endpoint
    order by d.endpoint`
  const sum = (figure: 'requests' | 'errors' | 'credits' | 'latencyMsSum') =>
    rows.reduce((total, row) => total + row[figure], 0)
  const requests = sum('requests')
  const errors = sum('errors')
  const lastUsedAt = Math.max(...rows.map((row) => row.lastUsedAt.getTime()))
  return {
    requests,
    errors,
    errorRate: requests === 0 ? 0 : errors / requests,
    credits: sum('credits'),
    avgLatencyMs: requests === 0 ? null : Math.round(sum('latencyMsSum') / requests),
    lastUsedAt: rows.length === 0 ? null : new Date(lastUsedAt).toISOString(),
    byEndpoint: rows.map(({ latencyMsSum, lastUsedAt, ...line }) => line),
  }
}

/** Whether the ledger has this key or account: no usage is an answer, of somebody unknown it is none. */
export async function isKnown(sql: Sql, { keyId, accountId }: UsageOf): Promise<boolean> {
  const [row] = await sql`
    select from ${keyId === undefined ? sql`account_state` : sql`key_state`}
    where ${keyId === undefined ? sql`account_id = ${accountId ?? ''}` : sql`key_id = ${keyId}`}`
  return row !== undefined
}

/** The days of a month; throws RangeError for what is no month. */
export function daysOf(month: string): Days {
  const parsed = monthPeriod(month, 'UTC')
  if (!parsed) throw new RangeError(`"${month}" is not a month: write it as 2026-01`)
  return {
    from: printTime(parsed.start).slice(0, 10),
    to: printTime(parsed.end - 1).slice(0, 10),
  }
}

/** Sums over rows of `daily_usage d`, as the columns of UsageFigures. */
export function figures(sql: Sql) {
  return sql`sum(d.requests)::bigint as requests, sum(d.errors)::bigint as errors,
    sum(d.credits)::bigint as credits,
    round(sum(d.latency_ms_sum) / nullif(sum(d.requests), 0))::bigint as "avgLatencyMs"`
}

export function isIn(sql: Sql, { from, to }: Days) {
  return sql`d.day between ${from}::date and ${to}::date`
}

function isOf(sql: Sql, { keyId, accountId, mode = 'live' }: UsageOf) {
  if (keyId !== undefined && accountId !== undefined) {
    return sql`d.key_id = ${keyId} and d.account_id = ${accountId}`
  }
  if (keyId !== undefined) return sql`d.key_id = ${keyId}`
  if (accountId !== undefined) return sql`d.account_id = ${accountId} and d.mode = ${mode}`
  throw new TypeError('usage of whom? name a key or an account')
}
