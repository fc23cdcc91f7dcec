/**
 * A log is in order and unchanged: positions without gaps, times that never run backwards, and every event hash what
 * the event's fields give.
 */
import type { LogRules } from './verify-log.ts'

export const order: LogRules = {
  name: 'order',
  carried: ['create table before (recorded_at timestamptz not null)'],
  ofRange(events, { shard, after, upTo }) {
    const last = `events where shard = ${shard} and position = ${upTo}`
    return [
      `insert into faults
       select position, unnest(array_remove(array[
         case when position <> before + 1 then format('the position before it is %s', before)
           when recorded_at < recorded_before then 'it was recorded before the event before it' end,
         case when changed then 'its event hash is not that of its fields' end], null))
       from (
         select position, lag(position, 1, ${after}::bigint) over w as before, recorded_at,
           lag(recorded_at, 1, (select recorded_at from before)) over w as recorded_before, changed
         from (
           select position, recorded_at,
             event_hash is distinct from hash_event(shard, position, recorded_at, occurred_at, type, type_version,
               stream_version, account_id, key_id, mode, request_id, endpoint, tariff, credits, quantity, status,
               latency_ms, lots, held, moved, actor, instance, payload, private) as changed
           from ${events}
           -- The log's rows are wide, and what a window looks back at is kept: OFFSET keeps them out of it.
           offset 0
         ) hashed window w as (order by position)
       ) neighbours
       where position <> before + 1 or recorded_at < recorded_before or changed
       union all
       select ${upTo}, 'the log has no such event' where not exists (select from ${last})`,
      'delete from before',
      `insert into before select recorded_at from ${last}`,
    ]
  },
}
