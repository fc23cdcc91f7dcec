/** Which tariffs the shards have: each shard keeps its own copy, for its decisions are its own. */
import type { Sql } from '../connect.ts'

export interface ShardTariff {
  readonly shard: number
  /** Hash of the tariff in force; null when there is none. */
  readonly inForce: string | null
  /** Nothing was ever published here. */
  readonly empty: boolean
  /** The ledger's clock. */
  readonly readAt: Date
}

export function readShardTariffs(sql: Sql): Promise<ShardTariff[]> {
  return sql<ShardTariff[]>`
    select h.shard, tariff_at(h.shard, t.now) as "inForce",
      not exists (select from tariffs where tariffs.shard = h.shard) as empty, t.now as "readAt"
    from heads h
    cross join (select ledger_now() as now) t
    order by h.shard`
}
