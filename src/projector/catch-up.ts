/**
 * Keeps the catch-up projections no more than a second behind the log. Every gateway tries; the
 * checkpoint's row lets one of them work at a time, and moves in the same transaction as the rows.
 */
import { projections } from '../../projections/index.ts'
import type { Sql } from '../ledger/connect.ts'

/** Events applied in one transaction: no snapshot lives long. */
const mostAtOnce = 20_000

/** Applies what the log has beyond the checkpoints; answers how many events are left. */
export async function catchUp(sql: Sql, shards: readonly number[]): Promise<number> {
  let left = 0
  for (const projection of projections.filter((p) => p.feed === 'catch-up')) {
    for (const shard of shards) {
      const [row] = await sql.unsafe<[{ left: number }]>(
        `select catch_up_${projection.name}($1::smallint, $2::bigint) as left`,
        [shard, mostAtOnce],
        { prepare: true },
      )
      left += row.left
    }
  }
  return left
}

/** How far the catch-up projections are behind, in events. */
export async function projectionLag(sql: Sql): Promise<number> {
  const [row] = await sql<[{ lag: number }]>`
    select coalesce(max(h.position - c.position), 0)::bigint as lag
    from checkpoints c join heads h using (shard)
    where c.projection = any(${projections.filter((p) => p.feed === 'catch-up').map((p) => p.name)})`
  return row.lag
}
