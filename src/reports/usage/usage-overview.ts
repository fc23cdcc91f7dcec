/** Usage of all accounts in live mode, for operators. */
import type { Sql } from '../../ledger/connect.ts'
import type { Sum } from '../../lib/sums.ts'
import { sumColumns, usageByAccount } from './usage-by-account.ts'
import {
  type Days,
  isInDays,
  sumFigures,
  type UsageFigures,
  type UsageLine,
} from './usage-figures.ts'

export interface UsageOverview {
  readonly total: UsageFigures & { readonly accounts: number; readonly keys: number }
  /** By the present plan of each account. */
  readonly byPlan: readonly (UsageFigures & { readonly plan: string; readonly accounts: number })[]
  readonly byDay: readonly (UsageFigures & { readonly date: string })[]
  readonly byEndpoint: readonly UsageLine[]
}

/**
 * Usage between two days, both included, added up in four ways. Tens of thousands of keys have hundreds of thousands of
 * rows a month, so the rows are read twice only: by day and endpoint, and by key.
 */
export async function readUsageOverview(sql: Sql, days: Days): Promise<UsageOverview> {
  const [sums, byPlan] = await Promise.all([
    sumsByDayAndEndpoint(sql, days),
    usageByPlan(sql, days),
  ])
  const [total] = sums.filter((row) => row.date === null && row.endpoint === null)
  const { requests = 0, errors = 0, credits = 0, avgLatencyMs = null } = total ?? {}
  const count = (what: 'accounts' | 'keys') => byPlan.reduce((sum, row) => sum + row[what], 0)
  return {
    total: {
      requests,
      errors,
      credits,
      avgLatencyMs,
      accounts: count('accounts'),
      keys: count('keys'),
    },
    byPlan: byPlan.map(({ keys, ...row }) => row),
    byDay: sums.flatMap(({ date, endpoint, quantity, ...row }) => (date ? [{ date, ...row }] : [])),
    byEndpoint: sums.flatMap(({ date, endpoint, ...row }) =>
      endpoint ? [{ endpoint, ...row }] : [],
    ),
  }
}

/** One row for each day, one for each endpoint, one for all. */
function sumsByDayAndEndpoint(sql: Sql, days: Days) {
  return sql<(UsageFigures & { date: string | null; endpoint: string | null; quantity: Sum })[]>`
    select to_char(d.day, 'YYYY-MM-DD') as date, d.endpoint, ${sumFigures(sql)}, sum(d.quantity) as quantity
    from (
      select day, endpoint, ${sumColumns(sql)}, sum(quantity) as quantity
      from daily_usage d
      where ${isInDays(sql, days)} and d.mode = 'live'
      group by day, endpoint
    ) d
    group by grouping sets ((), (d.day), (d.endpoint))
    having count(*) > 0
    order by d.day, credits desc, d.endpoint`
}

/** Looks up the plan of each account once. */
function usageByPlan(sql: Sql, days: Days) {
  return sql<(UsageOverview['byPlan'][number] & { readonly keys: number })[]>`
    select coalesce(plan_at(d.shard, d.account_id, clock.now), '') as plan, ${sumFigures(sql)},
      count(*) as accounts, sum(d.keys) as keys
    from (${usageByAccount(sql, days)}) d
    cross join (select ledger_now() as now offset 0) clock
    group by 1
    order by credits desc, plan`
}
