/** What an earlier import has written already, so that importing again does nothing twice. */
import type { Sql } from '../connect.ts'

export interface KnownKey {
  readonly keyId: string
  readonly accountId: string
  readonly hash: string
  readonly previousHash: string | null
}

/** Keys with one of these ids, or with one of these secrets, by the secrets' hashes. */
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

/** Those of these management commands that were executed. */
export async function readExecutedCommands(
  sql: Sql,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await sql<{ id: string }[]>`
    select command_id as id from management_commands where command_id = any(${ids as string[]})`
  return new Set(rows.map(({ id }) => id))
}
