/**
 * Keeps the catch-up projections behind the log by a second, and those for charts by a few; where very much is sold, by ten. Every gateway tries. The projection
 * checkpoint's row lets one of them work at a time, and moves in the same transaction as the projection's rows.
 */
import { projections } from '../../projections/index.ts'
import type { Projection } from '../../projections/projection.ts'
import type { Sql } from '../ledger/connect.ts'

const catchUpProjections = () => projections.filter(({ mode }) => mode === 'catch-up')

/** Events applied in one transaction, so that no snapshot lives long. */
const maxEvents = 20_000

/** Applies what the log has beyond the checkpoints of all of them, or of some; returns how many events are left. */
export async function catchUp(
  sql: Sql,
  shards: readonly number[],
  isMeant: (projection: Projection) => boolean = () => true,
): Promise<number> {
  let left = 0
  for (const { name } of catchUpProjections().filter(isMeant)) {
    for (const shard of shards) {
      const [row] = await sql.unsafe<[{ left: number }]>(
        `select catch_up_${name}($1::smallint, $2::bigint) as left`,
        [shard, maxEvents],
        { prepare: true },
      )
      left += row.left
    }
  }
  return left
}

/** How far a catch-up projection is behind, on the shard where it is furthest behind. */
interface ProjectionLag {
  readonly projection: string
  readonly events: number
  /** Since the oldest event that it has not applied was recorded; 0 when it has applied all. */
  readonly seconds: number
}

export function projectionLags(sql: Sql): Promise<ProjectionLag[]> {
  const names = catchUpProjections().map(({ name }) => name)
  return sql<ProjectionLag[]>`
    select projection, events, seconds from projection_lags_v1(${names}::text[])`
}
