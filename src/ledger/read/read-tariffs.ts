/** The tariffs in the ledger. Each shard keeps its own copies, since it decides alone. */
import type { Plan } from '../../../events/tariffs.ts'
import type { Sql } from '../connect.ts'

/** Prices and plans as published; undefined: the ledger has no such tariff. */
export async function readTariff(
  sql: Sql,
  hash: string,
): Promise<{ plans: Record<string, Plan>; prices: Record<string, unknown> } | undefined> {
  const [row] = await sql<
    { content: { plans: Record<string, Plan>; prices: Record<string, unknown> } }[]
  >`select content from tariffs where hash = ${hash} order by position limit 1`
  return row?.content
}

/** The hash of the tariff in force now; null: there is none. */
export async function readTariffInForce(sql: Sql, shard = 0): Promise<string | null> {
  const [row] = await sql<{ hash: string | null }[]>`
    select tariff_at(${shard}::smallint, ledger_now()) as hash`
  return row?.hash ?? null
}

/** A tariff in the ledger. */
export interface PublishedTariff {
  readonly hash: string
  readonly from: Date
  readonly notice: string | null
  readonly plans: Record<string, Plan>
  readonly prices: Record<string, unknown>
}

/** The tariff in force and those that come into force later, by time. */
export function readCurrentTariffs(sql: Sql, shard = 0): Promise<PublishedTariff[]> {
  return sql<PublishedTariff[]>`
    select hash, effective_from as "from", notice, content -> 'plans' as plans, content -> 'prices' as prices
    from tariffs
    where shard = ${shard}
      and (effective_from > ledger_now() or position = (
        select position from tariffs
        where shard = ${shard} and effective_from <= ledger_now()
        order by effective_from desc, position desc limit 1))
    order by effective_from, position`
}

export interface ShardTariff {
  readonly shard: number
  /** Hash of the tariff in force; null when there is none. */
  readonly inForce: string | null
  /** No tariff was ever published here. */
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
