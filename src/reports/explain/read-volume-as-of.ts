/** How much an account had had in a month of what has tiers, as of a position: added up from its charges. */
import type { Mode } from '../../../events/event.ts'
import type { Sql } from '../../ledger/connect.ts'
import { printMicros } from '../log-reader/micros.ts'
import type { Moment } from './moment.ts'

interface VolumeQuery extends Moment {
  readonly accountId: string
  readonly mode: Mode
  readonly endpoint: string
  /** undefined: the price has no other component. */
  readonly component: string | undefined
}

export async function readVolumeAsOf(sql: Sql, query: VolumeQuery): Promise<number> {
  const { shard, position, now, accountId, mode, endpoint, component = '' } = query
  const month = sql`date_trunc('month', ${printMicros(now)}::text::timestamptz at time zone 'UTC') at time zone 'UTC'`
  const [row] = await sql<[{ volume: number }]>`
    select coalesce(sum(case ${component} when '' then quantity else (payload -> 'parts' ->> ${component})::bigint end), 0)::float8 as volume
    from events
    where account_id = ${accountId} and shard = ${shard} and position <= ${position} and mode = ${mode} and type = 'HoldSettled'
      and endpoint = ${endpoint} and payload ->> 'volume' is not null and coalesce(payload ->> 'volumeOf', '') = ${component}
      and occurred_at >= ${month} and occurred_at < ${month} + interval '1 month'`
  return row.volume
}
