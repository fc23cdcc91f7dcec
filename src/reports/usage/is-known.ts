import type { Sql } from '../../ledger/connect.ts'
import type { UsageOf } from './usage-figures.ts'

/** Whether the ledger has the key or account. Without usage it is known all the same. */
export async function isKnown(sql: Sql, { keyId, accountId }: UsageOf): Promise<boolean> {
  const [row] = await sql`
    select from ${keyId === undefined ? sql`account_state` : sql`key_state`}
    where ${keyId === undefined ? sql`account_id = ${accountId ?? ''}` : sql`key_id = ${keyId}`}`
  return row !== undefined
}
