/** What the gate and the projector read from the ledger. */
import type { Mode } from '../../../events/event.ts'
import type { Plan } from '../../../events/tariffs.ts'
import type { Sql } from '../connect.ts'

/** A key as the ledger has it, with what its account adds. */
export interface KeyRecord {
  readonly shard: number
  readonly keyId: string
  readonly accountId: string
  readonly mode: Mode
  readonly keyVersion: number
  readonly accountVersion: number
  readonly display: string
  readonly enabled: boolean
  readonly revokedAt: Date | null
  readonly expiresAt: Date | null
  /** The secret that was looked up is the one from before a rotation, good until then. */
  readonly previousUntil: Date | null
  /** null: all that the plan gives. */
  readonly endpoints: readonly string[] | null
  readonly keyRateLimit: number | null
  readonly monthlyCap: number | null
  readonly frozen: boolean
  readonly plan: string
  /** When another plan of the account's begins, which no version tells; null: none is known of. */
  readonly planUntil: Date | null
  readonly accountRateLimit: number | null
  readonly maxInFlight: number | null
  /** Hash of the tariff in force. */
  readonly tariff: string
  readonly secret: Uint8Array | null
}

/** What comes with a key when it is read. */
export interface ReadKey extends KeyRecord {
  readonly private: Uint8Array | null
  /** The ledger's clock. */
  readonly readAt: Date
}

/** The key that a secret's hash opens, revoked ones included; undefined when there is none. */
export async function readKeyByHash(sql: Sql, hash: string): Promise<ReadKey | undefined> {
  const [row] = await sql<ReadKey[]>`
    select k.shard, k.key_id as "keyId", k.account_id as "accountId", k.mode,
      k.version as "keyVersion", a.version as "accountVersion", k.display, k.enabled,
      k.revoked_at as "revokedAt", k.expires_at as "expiresAt",
      case when k.hash = ${hash} then null else k.previous_until end as "previousUntil",
      k.endpoints, k.rate_limit as "keyRateLimit", k.monthly_cap as "monthlyCap",
      a.frozen or a.erased as frozen, plan_at(k.shard, k.account_id, t.now) as plan,
      (select min(p.starts_at) from account_plans p
        where p.account_id = k.account_id and p.shard = k.shard and p.starts_at > t.now) as "planUntil",
      a.rate_limit as "accountRateLimit", a.max_in_flight as "maxInFlight",
      tariff_at(k.shard, t.now) as tariff, s.secret, k.private, t.now as "readAt"
    from (
      select * from key_state where hash = ${hash}
      union all
      select * from key_state where previous_hash = ${hash} and previous_until is not null
    ) k
    join account_state a on a.account_id = k.account_id and a.shard = k.shard
    left join account_secrets s on s.account_id = k.account_id and s.shard = k.shard
    cross join (select ledger_now() as now) t
    limit 1`
  return row
}

/** Prices and plans as published; undefined when no such tariff is in the ledger. */
export async function readTariff(
  sql: Sql,
  hash: string,
): Promise<{ plans: Record<string, Plan>; prices: Record<string, unknown> } | undefined> {
  const [row] = await sql<
    { content: { plans: Record<string, Plan>; prices: Record<string, unknown> } }[]
  >`select content from tariffs where hash = ${hash} order by position limit 1`
  return row?.content
}

/** The hash of the tariff in force now; null while the ledger is empty. */
export async function readTariffInForce(sql: Sql, shard = 0): Promise<string | null> {
  const [row] = await sql<{ hash: string | null }[]>`
    select tariff_at(${shard}::smallint, ledger_now()) as hash`
  return row?.hash ?? null
}

/** An open hold whose time is over. */
export interface OverdueHold {
  readonly requestId: string
  readonly accountId: string
  readonly keyId: string
  readonly mode: Mode
  /** null: a lease. */
  readonly endpoint: string | null
  readonly tariff: string
}

export function readOverdueHolds(sql: Sql, shard: number, most: number): Promise<OverdueHold[]> {
  return sql<OverdueHold[]>`
    select hold_id as "requestId", account_id as "accountId", key_id as "keyId", mode, endpoint, tariff
    from open_holds
    where shard = ${shard} and expires_at < ledger_now()
    order by expires_at
    limit ${most}`
}

/** The shards of this ledger. */
export async function readShards(sql: Sql): Promise<number[]> {
  const rows = await sql<{ shard: number }[]>`select shard from heads order by shard`
  return rows.map((row) => row.shard)
}

/** A tariff in the ledger. */
export interface PublishedTariff {
  readonly hash: string
  readonly from: Date
  readonly notice: string | null
  readonly plans: Record<string, Plan>
  readonly prices: Record<string, unknown>
}

/** The tariff in force and those announced for later, in the order of their time. */
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
