/** Figures of the ledger's state, for metrics. They are cheap enough to be read every second. */
import type { Sql } from '../connect.ts'

export interface LedgerState {
  readonly openHolds: number
  /** Open holds whose time is over, and that no gateway has expired yet. */
  readonly overdueHolds: number
  /** Partitions of the log that have no event yet. */
  readonly partitionsReady: number
  readonly heads: readonly {
    readonly shard: number
    readonly position: number
    /** How the log was found to be another one than a gateway has seen; null: it was not. */
    readonly divergence: string | null
  }[]
}

export async function readLedgerState(sql: Sql): Promise<LedgerState> {
  const [row] = await sql<[LedgerState]>`
    select h.open as "openHolds", h.overdue as "overdueHolds", p.ahead as "partitionsReady",
      (select json_agg(json_build_object('shard', shard, 'position', position, 'divergence', divergence) order by shard)
        from heads) as heads
    from (
      select count(*) as open, count(*) filter (where expires_at < t.now) as overdue
      from open_holds cross join (select ledger_now() as now) t
    ) h
    cross join (
      select count(*) as ahead
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'events'::regclass
        and substring(pg_get_expr(c.relpartbound, c.oid) from 'FROM \\(''(\\d+)''\\)')::bigint
          > (select max(position) from heads)
    ) p`
  return row
}

/** How many accounts are on a plan now, without erased ones, and how many keys they have, without revoked ones. */
export interface PlanCount {
  readonly plan: string
  readonly accounts: number
  readonly keys: number
}

/** Reads every account and key, so it is not to be called often. */
export function countByPlan(sql: Sql): Promise<PlanCount[]> {
  return sql<PlanCount[]>`
    with plans as (
      select distinct on (p.shard, p.account_id) p.shard, p.account_id, p.plan
      from account_plans p cross join (select ledger_now() as now) t
      where p.starts_at <= t.now
      order by p.shard, p.account_id, p.position desc
    )
    select p.plan, count(*) as accounts, coalesce(sum(k.keys), 0)::bigint as keys
    from plans p
    join account_state a on a.account_id = p.account_id and a.shard = p.shard and not a.erased
    left join (
      select shard, account_id, count(*) as keys
      from key_state where revoked_at is null group by shard, account_id
    ) k on k.account_id = p.account_id and k.shard = p.shard
    group by p.plan
    order by p.plan`
}
