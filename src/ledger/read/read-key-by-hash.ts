import type { Mode } from '../../../events/event.ts'
import type { Sql } from '../connect.ts'

/** A key as the ledger has it, with what its account adds. */
export interface KeyRecord {
  readonly shard: number
  readonly keyId: string
  readonly accountId: string
  /** The user's or the organisation's. */
  readonly ownerId: string
  readonly mode: Mode
  readonly keyVersion: number
  readonly accountVersion: number
  readonly display: string
  readonly enabled: boolean
  readonly revokedAt: Date | null
  readonly expiresAt: Date | null
  /** Until when the secret that was looked up is good, if it is the one from before a rotation. */
  readonly previousUntil: Date | null
  /** The permissions that the key has, as routes name them. null: all that the plan gives. */
  readonly endpoints: readonly string[] | null
  readonly keyRateLimit: number | null
  readonly monthlyCap: number | null
  readonly frozen: boolean
  readonly plan: string
  /** When the account's next plan begins, which changes no version. null: none is known. */
  readonly planUntil: Date | null
  readonly accountRateLimit: number | null
  readonly maxInFlight: number | null
  /** Hash of the tariff in force. */
  readonly tariff: string
  /** The encryption key of the account. null: the account was erased. */
  readonly accountSecret: Uint8Array | null
}

/** A key with what is read with it. */
export interface ReadKey extends KeyRecord {
  readonly private: Uint8Array | null
  /** The ledger's clock. */
  readonly readAt: Date
}

/** The key that a secret's hash belongs to, revoked or not; undefined: there is none. */
export async function readKeyByHash(sql: Sql, hash: string): Promise<ReadKey | undefined> {
  const [row] = await sql<ReadKey[]>`
    select k.shard, k.key_id as "keyId", k.account_id as "accountId",
      a.owner_id as "ownerId", k.mode,
      k.version as "keyVersion", a.version as "accountVersion", k.display, k.enabled,
      k.revoked_at as "revokedAt", k.expires_at as "expiresAt",
      case when k.hash = ${hash} then null else k.previous_until end as "previousUntil",
      k.endpoints, k.rate_limit as "keyRateLimit", k.monthly_cap as "monthlyCap",
      a.frozen or a.erased as frozen, plan_at(k.shard, k.account_id, t.now) as plan,
      (select min(p.starts_at) from account_plans p
        where p.account_id = k.account_id and p.shard = k.shard and p.starts_at > t.now) as "planUntil",
      a.rate_limit as "accountRateLimit", a.max_in_flight as "maxInFlight",
      tariff_at(k.shard, t.now) as tariff, s.secret as "accountSecret",
      k.private, t.now as "readAt"
    from (
      select * from key_state where hash = ${hash}
      union all
      select * from key_state where previous_hash = ${hash} and previous_until is not null
    ) k
    join account_state a on a.account_id = k.account_id and a.shard = k.shard
    left join account_secrets s on s.account_id = k.account_id and s.shard = k.shard
    -- As the append decides: a clock that was set back does not undo what has begun.
    cross join lateral (
      select greatest(ledger_now(), h.recorded_at) as now from heads h where h.shard = k.shard
    ) t
    limit 1`
  return row
}
