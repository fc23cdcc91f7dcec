/** Operator keys, as the routes of operators and the command line have them. */
import type { OperatorRole } from '../../../events/operator-keys.ts'
import type { Sql } from '../connect.ts'

export interface OperatorKeyRow {
  readonly shard: number
  readonly id: string
  /** How many events are of it. */
  readonly version: number
  readonly name: string
  readonly role: OperatorRole
  readonly hash: string
  /** What can be shown of its text. */
  readonly display: string
  /** Until when the secret from before a rotation is good. The time may be past. */
  readonly previousUntil: Date | null
  readonly expiresAt: Date
  readonly revokedAt: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
  /** The ledger's clock. */
  readonly readAt: Date
}

/** The newest first, revoked and expired ones included; of very many the thousand newest. */
export function readOperatorKeys(sql: Sql): Promise<OperatorKeyRow[]> {
  return select(sql, sql`order by k.created_at desc, k.operator_key_id limit 1000`)
}

export async function readOperatorKey(sql: Sql, id: string): Promise<OperatorKeyRow | undefined> {
  const [row] = await select(sql, sql`where k.operator_key_id = ${id}`)
  return row
}

/**
 * The operator key that a secret opens now, by the ledger's clock: neither revoked nor expired, nor a secret whose time of grace is over.
 * @param hash hex SHA-256 of the whole text
 */
export async function findOperatorKey(sql: Sql, hash: string): Promise<OperatorKeyRow | undefined> {
  const [row] = await select(
    sql,
    sql`where (k.hash = ${hash} or k.previous_hash = ${hash} and k.previous_until > clock.now)
      and k.revoked_at is null and k.expires_at > clock.now`,
  )
  return row
}

function select(sql: Sql, which: ReturnType<Sql>): Promise<OperatorKeyRow[]> {
  return sql<OperatorKeyRow[]>`
    select k.shard, k.operator_key_id as id, k.version, k.name, k.role, k.hash, k.display,
      k.previous_until as "previousUntil", k.expires_at as "expiresAt", k.revoked_at as "revokedAt",
      k.created_at as "createdAt", k.updated_at as "updatedAt", clock.now as "readAt"
    from operator_keys k cross join (select ledger_now() as now) clock
    ${which}`
}
