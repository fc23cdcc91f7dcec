import type { Sql } from '../connect.ts'

/**
 * Fences the producers of a shard that have been silent for so long, if this one was steady all the while. Returns how many.
 * @param producer the id of this gateway's own producer
 */
export async function fenceProducers(
  sql: Sql,
  shard: number,
  producer: string,
  afterSeconds: number,
): Promise<number> {
  const [row] = await sql<[{ fenced: number }]>`
    select fence_producers_v1(${shard}::smallint, ${producer}::uuid, ${new Date()}, ${afterSeconds}) as fenced`
  return row.fenced
}
