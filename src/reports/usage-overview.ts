/** Usage over all accounts, for operators; live mode only. See usage.ts for what the figures count. */
import type { Owner } from '../../events/account.ts'
import type { Mode } from '../../events/event.ts'
import type { Sql } from '../ledger/connect.ts'
import { type Days, figures, isIn, type UsageFigures, type UsageLine } from './usage.ts'

export interface UsageOverview {
  readonly total: UsageFigures & { readonly accounts: number; readonly keys: number }
  /** By the plan that each account is on now. */
  readonly byPlan: readonly (UsageFigures & { readonly plan: string; readonly accounts: number })[]
  readonly byDay: readonly (UsageFigures & { readonly date: string })[]
  readonly byEndpoint: readonly UsageLine[]
}

export interface TopUser extends UsageFigures {
  readonly accountId: string
  readonly owner: Owner
  readonly plan: string
  readonly keys: number
  readonly lastUsedAt: string
}

/** Usage between two days, both included, summed up in four ways. */
export async function usageOverview(sql: Sql, days: Days): Promise<UsageOverview> {
  const [total, byPlan, byDay, byEndpoint] = await Promise.all([
    sql<UsageOverview['total'][]>`
      select coalesce(sum(d.requests), 0)::bigint as requests, coalesce(sum(d.errors), 0)::bigint as errors,
        coalesce(sum(d.credits), 0)::bigint as credits,
        round(sum(d.latency_ms_sum) / nullif(sum(d.requests), 0))::bigint as "avgLatencyMs",
        count(distinct d.account_id) as accounts, count(distinct d.key_id) as keys
      from daily_usage d
      where ${isIn(sql, days)} and d.mode = ${liveOnly}`,
    usageByPlan(sql, days),
    sql<(UsageFigures & { date: string })[]>`
      select to_char(d.day, 'YYYY-MM-DD') as date, ${figures(sql)}
      from daily_usage d
      where ${isIn(sql, days)} and d.mode = ${liveOnly}
      group by d.day
      order by d.day`,
    sql<UsageLine[]>`
      select d.endpoint, ${figures(sql)}, sum(d.quantity)::bigint as quantity
      from daily_usage d
      where ${isIn(sql, days)} and d.mode = ${liveOnly}
      group by d.endpoint
      order by credits desc, d.endpoint`,
  ])
  return { total: total[0] as UsageOverview['total'], byPlan, byDay, byEndpoint }
}

// Summed up by account first, so that each account's plan is looked up once.
function usageByPlan(sql: Sql, days: Days) {
  return sql<UsageOverview['byPlan'][number][]>`
    select coalesce(plan_at(d.shard, d.account_id, clock.now), '') as plan, ${figures(sql)}, count(*) as accounts
    from (
      select account_id, shard, sum(requests) as requests, sum(errors) as errors, sum(credits) as credits,
        sum(latency_ms_sum) as latency_ms_sum
      from daily_usage d
      where ${isIn(sql, days)} and d.mode = ${liveOnly}
      group by account_id, shard
    ) d
    cross join (select book_now() as now offset 0) clock
    group by 1
    order by credits desc, plan`
}

/** The accounts that were charged most between two days, both included. */
export async function topUsers(
  sql: Sql,
  { limit, ...days }: Days & { readonly limit: number },
): Promise<TopUser[]> {
  const rows = await sql<(TopUser & { ownerKind: Owner['kind']; ownerId: string; last: Date })[]>`
    select d.*, a.owner_kind as "ownerKind", a.owner_id as "ownerId",
      coalesce(plan_at(d.shard, d."accountId", book_now()), '') as plan
    from (
      select d.account_id as "accountId", d.shard, ${figures(sql)}, count(distinct d.key_id) as keys,
        max(d.last_used_at) as last
      from daily_usage d
      where ${isIn(sql, days)} and d.mode = ${liveOnly}
      group by d.account_id, d.shard
      order by credits desc, requests desc, d.account_id
      limit ${limit}
    ) d
    join account_state a on a.account_id = d."accountId" and a.shard = d.shard
    order by d.credits desc, d.requests desc, d."accountId"`
  return rows.map((row) => ({
    accountId: row.accountId,
    owner: { kind: row.ownerKind, id: row.ownerId },
    plan: row.plan,
    keys: row.keys,
    requests: row.requests,
    errors: row.errors,
    credits: row.credits,
    avgLatencyMs: row.avgLatencyMs,
    lastUsedAt: row.last.toISOString(),
  }))
}

const liveOnly: Mode = 'live'
