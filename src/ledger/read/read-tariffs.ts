/** The tariffs in the ledger. Each shard keeps its own copies, since it decides alone. */
import type { Pack, Plan } from '../../../events/tariffs.ts'
import type { CreditScale } from '../../lib/credit-scale.ts'
import type { Sql } from '../connect.ts'

interface TariffContent {
  readonly plans: Record<string, Plan>
  readonly prices: Record<string, unknown>
  readonly credits?: CreditScale
}

/** Prices and plans as published; undefined: the ledger has no such tariff. */
export async function readTariff(sql: Sql, hash: string): Promise<TariffContent | undefined> {
  const [row] = await sql<{ content: TariffContent }[]>`select content from find_tariff_v1(${hash})`
  return row?.content
}

/** How credits are shown, as the tariffs say; undefined where none of them does. */
export async function readCreditScale(sql: Sql): Promise<CreditScale | undefined> {
  const [row] = await sql<{ scale: CreditScale }[]>`
    select content -> 'credits' as scale from tariffs where content ? 'credits' limit 1`
  return row?.scale
}

/** The hash of the tariff in force now; null: there is none. */
export async function readTariffInForce(sql: Sql, shard = 0): Promise<string | null> {
  const [row] = await sql<{ hash: string | null }[]>`
    select in_force as hash from shard_tariffs_v1() where shard = ${shard}`
  return row?.hash ?? null
}

/** A tariff in the ledger. */
export interface PublishedTariff {
  readonly hash: string
  readonly from: Date
  readonly notice: string | null
  readonly plans: Record<string, Plan>
  readonly prices: Record<string, unknown>
  readonly credits: CreditScale | null
  readonly packs: Record<string, Pack> | null
}

/** The tariff in force and those that come into force later, by time: of each time the last that was published. */
export function readCurrentTariffs(sql: Sql, shard = 0): Promise<PublishedTariff[]> {
  return sql<PublishedTariff[]>`
    select hash, effective_from as "from", notice, content -> 'plans' as plans, content -> 'prices' as prices,
      content -> 'credits' as credits, content -> 'packs' as packs
    from current_tariffs_v1(${shard}::smallint)`
}

/** When a tariff that is not in force comes into force; undefined: it is not announced. */
export function announcedTime(
  current: readonly PublishedTariff[],
  inForce: string | null,
  hash: string,
): Date | undefined {
  return hash === inForce ? undefined : current.find((tariff) => tariff.hash === hash)?.from
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
    select shard, in_force as "inForce", is_empty as empty, read_at as "readAt" from shard_tariffs_v1()`
}
