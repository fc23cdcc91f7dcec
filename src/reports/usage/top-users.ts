import type { Owner } from '../../../events/account.ts'
import type { Sql } from '../../ledger/connect.ts'
import { usageByAccount } from './usage-by-account.ts'
import type { Days, UsageFigures } from './usage-figures.ts'

export interface TopUser extends UsageFigures {
  readonly accountId: string
  readonly owner: Owner
  readonly plan: string
  readonly keys: number
  readonly lastUsedAt: string
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
