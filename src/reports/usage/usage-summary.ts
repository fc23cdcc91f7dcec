import type { Sql } from '../../ledger/connect.ts'
import { addSums, ratioOfSums, type Sum } from '../../lib/sums.ts'
import { type RefusalLine, readRefusals } from './refusals.ts'
import {
  daysOf,
  isInDays,
  isUsageOf,
  sumFigures,
  type UsageFigures,
  type UsageLine,
  type UsageOf,
} from './usage-figures.ts'

export interface UsageSummary extends UsageFigures {
  /** Errors by requests, 0 to 1. */
  readonly errorRate: number
  readonly lastUsedAt: string | null
  readonly byEndpoint: readonly UsageLine[]
  readonly refusals: readonly RefusalLine[]
}

/** The totals of a month (`YYYY-MM`), or of all time. */
export async function readUsageSummary(
  sql: Sql,
  of: UsageOf & { readonly month?: string },
): Promise<UsageSummary> {
  const days = of.month === undefined ? undefined : daysOf(of.month)
  const rows = await sql<(UsageLine & { latencyMsSum: Sum; lastUsedAt: Date })[]>`
    select d.endpoint, ${sumFigures(sql)}, sum(d.quantity) as quantity,
      sum(d.latency_ms_sum) as "latencyMsSum", max(d.last_used_at) as "lastUsedAt"
    from daily_usage d
    where ${isUsageOf(sql, of)} and ${days ? isInDays(sql, days) : sql`true`}
    group by d.endpoint
    order by d.endpoint`
  const refusals = await readRefusals(sql, { ...of, days })
  const sum = (figure: 'requests' | 'errors' | 'credits' | 'latencyMsSum') =>
    addSums(...rows.map((row) => row[figure]))
  const requests = sum('requests')
  const errors = sum('errors')
  const lastUsedAt = Math.max(...rows.map((row) => row.lastUsedAt.getTime()))
  return {
    requests,
    errors,
    errorRate: ratioOfSums(errors, requests),
    credits: sum('credits'),
    avgLatencyMs: requests === 0 ? null : Math.round(ratioOfSums(sum('latencyMsSum'), requests)),
    lastUsedAt: rows.length === 0 ? null : new Date(lastUsedAt).toISOString(),
    byEndpoint: rows.map(({ latencyMsSum, lastUsedAt, ...line }) => line),
    refusals,
  }
}
