import type { Sql } from '../../ledger/connect.ts'
import { type Days, isInDays } from './usage-figures.ts'

/**
 * A query for the usage of each account in live mode. It adds up by key first: counting an account's distinct keys
 * would sort all rows.
 */
export function usageByAccount(sql: Sql, days: Days) {
  return sql`
    select account_id, shard, ${sumColumns(sql)}, count(*) as keys, max(last_used_at) as last_used_at
    from (
      select account_id, shard, key_id, ${sumColumns(sql)}, max(last_used_at) as last_used_at
      from daily_usage d
      where ${isInDays(sql, days)} and d.mode = 'live'
      group by account_id, shard, key_id
    ) of_keys
    group by account_id, shard`
}

/** The columns from which UsageFigures are made, added up. */
export function sumColumns(sql: Sql) {
  return sql`sum(requests) as requests, sum(errors) as errors,
    sum(credits) as credits, sum(latency_ms_sum) as latency_ms_sum`
}
