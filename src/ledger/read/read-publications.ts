/** Which tariffs were published for a time, and under which command. */
import type { Sql } from '../connect.ts'

/** What was published last for a time in a shard; all null: nothing was. */
interface LastPublication {
  readonly shard: number
  readonly position: number | null
  readonly hash: string | null
  readonly notice: string | null
  readonly reason: string | null
}

/** Of every shard, in their order. */
export function readLastPublications(sql: Sql, from: Date): Promise<LastPublication[]> {
  return sql<LastPublication[]>`
    select h.shard, t.position, t.hash, t.notice, e.payload ->> 'reason' as reason
    from heads h
    left join lateral (
      select position, hash, notice from tariffs
      where shard = h.shard and effective_from = ${from}
      order by position desc limit 1
    ) t on true
    left join events e on e.position = t.position and e.shard = h.shard
    order by h.shard`
}

/** What a command has published in a shard. */
export interface OwnPublication {
  readonly shard: number
  readonly request: string | null
  /** null: nothing, because it was in force or announced. */
  readonly position: number | null
  readonly from: Date | null
  /** Since when the tariff was in force when the command was recorded; null: it was not. */
  readonly inForceSince: Date | null
}

/** By shard, as far as the command is recorded. @param hash of the tariff that it is of */
export function readOwnPublications(sql: Sql, id: string, hash: string): Promise<OwnPublication[]> {
  return sql<OwnPublication[]>`
    select c.shard, c.result ->> 'request' as request, t.position, t.effective_from as "from",
      (select max(i.effective_from) from tariffs i
        where i.shard = c.shard and i.hash = ${hash} and i.effective_from <= c.recorded_at) as "inForceSince"
    from management_commands c
    left join tariffs t on t.shard = c.shard and t.position = (c.result -> 'positions' ->> 0)::bigint
    where c.command_id = ${id}
    order by c.shard`
}
