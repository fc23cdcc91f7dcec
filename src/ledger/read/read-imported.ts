/** What of an import is in the ledger already, so that doing it again does nothing twice. */
import type { Sql } from '../connect.ts'

export interface KnownKey {
  readonly keyId: string
  readonly accountId: string
  readonly hash: string
  readonly previousHash: string | null
}

/** Keys with one of these ids, or that one of these secrets opens. */
export function readKnownKeys(
  sql: Sql,
  ids: readonly string[],
  hashes: readonly string[],
): Promise<KnownKey[]> {
  return sql<KnownKey[]>`
    select key_id as "keyId", account_id as "accountId", hash, previous_hash as "previousHash"
    from key_state
    where key_id = any(${ids as string[]}) or hash = any(${hashes as string[]})
      or previous_hash = any(${hashes as string[]})`
}

/** Where those of these accounts live that the ledger has. */
export async function readShardsOf(
  sql: Sql,
  accountIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await sql<{ accountId: string; shard: number }[]>`
    select account_id as "accountId", shard from account_state
    where account_id = any(${accountIds as string[]})`
  return new Map(rows.map(({ accountId, shard }) => [accountId, shard]))
}

/** Those of these commands that were carried out. */
export async function readDoneCommands(
  sql: Sql,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await sql<{ id: string }[]>`
    select command_id as id from management_commands where command_id = any(${ids as string[]})`
  return new Set(rows.map(({ id }) => id))
}
