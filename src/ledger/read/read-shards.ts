import type { Sql } from '../connect.ts'

/** The shards of the ledger. */
export async function readShards(sql: Sql): Promise<number[]> {
  const rows = await sql<{ shard: number }[]>`select shard from heads_v1()`
  return rows.map(({ shard }) => shard)
}

/** The shards of those of these accounts that the ledger has. */
export async function readShardsOf(
  sql: Sql,
  accountIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await sql<{ accountId: string; shard: number }[]>`
    select account_id as "accountId", shard from account_state
    where account_id = any(${accountIds as string[]})`
  return new Map(rows.map(({ accountId, shard }) => [accountId, shard]))
}
