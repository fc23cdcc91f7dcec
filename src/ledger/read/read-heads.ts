import type { Sql } from '../connect.ts'

export interface ShardHead {
  readonly shard: number
  readonly position: number
  readonly epoch: number
  /** RFC 3339, with microseconds. */
  readonly recordedAt: string
}

/** The last position of every shard, and when it was recorded. */
export async function readHeads(sql: Sql): Promise<ShardHead[]> {
  return sql<ShardHead[]>`
    select shard, position, epoch,
      to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "recordedAt"
    from heads order by shard`
}
