import { resolvingTypes } from '../../../events/event-types.ts'
import type { Sql } from '../../ledger/connect.ts'
import type { Micros } from '../log-reader/micros.ts'
import type { AccountRange } from '../log-reader/read-in-ranges.ts'
import { isBetween, isInRange } from './range-conditions.ts'

/** A hold that is not resolved, with what extended it. */
export interface OpenHoldRow {
  readonly position: number
  readonly occurredAt: Micros
  readonly requestId: string
  readonly keyId: string
  /** null: the hold is a lease. */
  readonly endpoint: string | null
  readonly credits: number
}

/** The holds of a range that were taken from `start` on and before `end`, and that nothing up to `upTo` resolves. */
export function readOpenHolds(
  sql: Sql,
  range: AccountRange,
  { start, end, upTo }: { readonly start: Micros; readonly end: Micros; readonly upTo: number },
): Promise<OpenHoldRow[]> {
  return sql<OpenHoldRow[]>`
    select position, (extract(epoch from occurred_at) * 1000000)::float8 as "occurredAt",
      request_id as "requestId", key_id as "keyId", endpoint, (credits + coalesce((
        select sum(x.credits) from events x
        where x.request_id = events.request_id and x.type = 'HoldExtended' and x.shard = events.shard
          and x.position between events.position and ${upTo}), 0))::bigint as credits
    from events
    where ${isInRange(sql, range)} and type = 'CreditsHeld' and ${isBetween(sql, start, end)}
      and not exists (
        select from events r
        where r.request_id = events.request_id and r.type = any(${sql.array([...resolvingTypes], 1009)})
          and r.shard = events.shard and r.position between events.position and ${upTo})
    order by position`
}
