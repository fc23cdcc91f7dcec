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
  /** Whether its calls count in budgets. */
  readonly hasBudgets: boolean
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
    select shard, key_id as "keyId", account_id as "accountId", owner_id as "ownerId", mode,
      key_version as "keyVersion", account_version as "accountVersion", display, enabled,
      revoked_at as "revokedAt", expires_at as "expiresAt", previous_until as "previousUntil", endpoints,
      key_rate_limit as "keyRateLimit", monthly_cap as "monthlyCap", has_budgets as "hasBudgets", frozen, plan, plan_until as "planUntil",
      account_rate_limit as "accountRateLimit", max_in_flight as "maxInFlight", tariff,
      account_secret as "accountSecret", private, read_at as "readAt"
    from find_key_v1(${hash})`
  return row
}
