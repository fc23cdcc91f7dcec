import type { Sql } from '../../ledger/connect.ts'

/** The hashes of the events at these positions, as hexadecimal texts; those that there are. */
export async function eventHashes(
  sql: Sql,
  shard: number,
  positions: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  const rows = await sql<{ position: number; hash: string }[]>`
    select position, encode(event_hash, 'hex') as hash from events
    where shard = ${shard} and position = any(${positions.map(String)}::bigint[])`
  return new Map(rows.map(({ position, hash }) => [position, hash]))
}
