import type { LogPosition, Mode } from '../../../events/event.ts'
import type { Sql } from '../../ledger/connect.ts'

/** The position of an account's first event; undefined when the log does not have the account. */
export async function findFirstEvent(
  sql: Sql,
  accountId: string,
): Promise<LogPosition | undefined> {
  const [row] = await sql<LogPosition[]>`
    select shard, position from events where account_id = ${accountId} order by position limit 1`
  return row
}

interface KeyOwner {
  readonly shard: number
  readonly accountId: string
  readonly mode: Mode
}

/**
 * The account of a key, its shard and the key's mode; undefined when the ledger does not have the key. They are read
 * from the key-state projection, because the log has no index by key. Figures are never read from there.
 */
export async function findKeyOwner(sql: Sql, keyId: string): Promise<KeyOwner | undefined> {
  const [row] = await sql<KeyOwner[]>`
    select shard, account_id as "accountId", mode from key_state where key_id = ${keyId} limit 1`
  return row
}
