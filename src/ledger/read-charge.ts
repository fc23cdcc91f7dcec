/** What a refund needs to know before it can be written: where, and under whose secret its reason is sealed. */
import type { Sql } from './connect.ts'

/** Whose a charge was; undefined when no call of this id was charged. */
export async function readCharge(
  sql: Sql,
  requestId: string,
): Promise<{ readonly shard: number; readonly accountId: string } | undefined> {
  const [row] = await sql<{ shard: number; accountId: string }[]>`
    select shard, account_id as "accountId" from events
    where request_id = ${requestId} and type = 'HoldSettled' limit 1`
  return row
}

/** The key that an account's private fields are sealed under; undefined when there is none (any more). */
export async function readSecret(sql: Sql, accountId: string): Promise<Uint8Array | undefined> {
  const [row] = await sql<{ secret: Uint8Array }[]>`
    select secret from account_secrets where account_id = ${accountId}`
  return row?.secret
}
