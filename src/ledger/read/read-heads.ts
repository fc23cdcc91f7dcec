import type { Sql } from '../connect.ts'

export interface ShardHead {
  readonly shard: number
  readonly position: number
  readonly epoch: number
  /** RFC 3339, with microseconds. */
  readonly recordedAt: string
  /** How the log was found to be another one than a gateway has seen; null: it was not. */
  readonly divergence: string | null
}

/** Where every shard's log ends. */
export async function readHeads(sql: Sql): Promise<ShardHead[]> {
  return sql<ShardHead[]>`
    select shard, position, epoch,
      to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "recordedAt",
      divergence
    from heads_v1()`
}
