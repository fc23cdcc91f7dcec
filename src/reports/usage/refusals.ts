/** Calls that were refused, from the daily_refusals projection, which is behind the log by at most a second. */
import type { Sql } from '../../ledger/connect.ts'
import type { Sum } from '../../lib/sums.ts'
import { type Days, isInDays, isUsageOf, type UsageOf } from './usage-figures.ts'

/** How often calls of an endpoint were refused for a reason, which is the code that their clients read. */
export interface RefusalLine {
  readonly endpoint: string
  readonly reason: string
  readonly calls: Sum
  /** ISO 8601 */
  readonly lastAt: string
}

/** Between two days, both included, or of all time; the most frequent ones first. */
export async function readRefusals(
  sql: Sql,
  of: UsageOf & { readonly days?: Days | undefined },
): Promise<RefusalLine[]> {
  const rows = await sql<(RefusalLine & { last: Date })[]>`
    select d.endpoint, d.reason, sum(d.calls) as calls, max(d.last_refused_at) as last
    from daily_refusals d
    where ${isUsageOf(sql, of)} and ${of.days ? isInDays(sql, of.days) : sql`true`}
    group by d.endpoint, d.reason
    order by sum(d.calls) desc, d.endpoint, d.reason`
  return rows.map(({ endpoint, reason, calls, last }) => {
    return { endpoint, reason, calls, lastAt: last.toISOString() }
  })
}
