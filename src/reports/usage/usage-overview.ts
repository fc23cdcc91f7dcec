/** Usage over all accounts, for operators; live mode only. See usage.ts for what the figures count. */
import type { Owner } from '../../../events/account.ts'
import type { Mode } from '../../../events/event.ts'
import type { Sql } from '../../ledger/connect.ts'
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

/**
 * Usage between two days, both included, summed up in four ways. Tens of thousands of keys have hundreds of
 * thousands of rows a month, so they are gone through twice only: by day and endpoint, and by key.
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
  return sql<(UsageFigures & { date: string | null; endpoint: string | null; quantity: number })[]>`
    select to_char(d.day, 'YYYY-MM-DD') as date, d.endpoint, ${figures(sql)}, sum(d.quantity)::bigint as quantity
    from (
      select day, endpoint, ${sums(sql)}, sum(quantity)::bigint as quantity
      from daily_usage d
      where ${isIn(sql, days)} and d.mode = ${liveOnly}
      group by day, endpoint
    ) d
    group by grouping sets ((), (d.day), (d.endpoint))
    having count(*) > 0
    order by d.day, credits desc, d.endpoint`
}

/** Each account's plan is looked up once. */
function usageByPlan(sql: Sql, days: Days) {
  return sql<(UsageOverview['byPlan'][number] & { readonly keys: number })[]>`
    select coalesce(plan_at(d.shard, d.account_id, clock.now), '') as plan, ${figures(sql)},
      count(*) as accounts, sum(d.keys)::bigint as keys
    from (${usageByAccount(sql, days)}) d
    cross join (select ledger_now() as now offset 0) clock
    group by 1
    order by credits desc, plan`
}

/** Summed up by key first: counting an account's distinct keys would sort all rows. */
function usageByAccount(sql: Sql, days: Days) {
  return sql`
    select account_id, shard, ${sums(sql)}, count(*) as keys, max(last_used_at) as last_used_at
    from (
      select account_id, shard, key_id, ${sums(sql)}, max(last_used_at) as last_used_at
      from daily_usage d
      where ${isIn(sql, days)} and d.mode = ${liveOnly}
      group by account_id, shard, key_id
    ) of_keys
    group by account_id, shard`
}

/** The columns from which figures are made, summed up. */
function sums(sql: Sql) {
  return sql`sum(requests)::bigint as requests, sum(errors)::bigint as errors,
    sum(credits)::bigint as credits, sum(latency_ms_sum)::bigint as latency_ms_sum`
}

/** The accounts that were charged most between two days, both included. */
export async function readTopUsers(
  sql: Sql,
  { limit, ...days }: Days & { readonly limit: number },
): Promise<TopUser[]> {
  const rows = await sql<(TopUser & { ownerKind: Owner['kind']; ownerId: string; last: Date })[]>`
    select d.*, a.owner_kind as "ownerKind", a.owner_id as "ownerId",
      coalesce(plan_at(d.shard, d."accountId", ledger_now()), '') as plan
    from (
      select d.account_id as "accountId", d.shard, d.requests, d.errors, d.credits, d.keys,
        round(d.latency_ms_sum::numeric / nullif(d.requests, 0))::bigint as "avgLatencyMs",
        d.last_used_at as last
      from (${usageByAccount(sql, days)}) d
      order by d.credits desc, d.requests desc, d.account_id
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
