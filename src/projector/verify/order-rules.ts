/**
 * Rules of a log's order: positions have no gaps, times never run backwards, and every event hash is what the event's
 * fields give.
 */
import type { LogRules } from './log-check.ts'

export const orderRules: LogRules = {
  name: 'order',
  carryOver: ['create table carry_over_time (recorded_at timestamptz not null)'],
  checkRange(events, { shard, after, upTo }) {
    const last = `events where shard = ${shard} and position = ${upTo}`
    return [
      `insert into faults
       select position, unnest(array_remove(array[
         case when position <> before + 1 then format('the position before it is %s', before)
           when recorded_at < recorded_before then 'it was recorded before the event before it' end,
         case when changed then 'its event hash is not that of its fields' end], null))
       from (
         select position, lag(position, 1, ${after}::bigint) over w as before, recorded_at,
           lag(recorded_at, 1, (select recorded_at from carry_over_time)) over w as recorded_before, changed
         from (
           select position, recorded_at,
             event_hash is distinct from hash_event(shard, position, recorded_at, occurred_at, type, stream_version,
               account_id, key_id, mode, request_id, endpoint, tariff, credits, quantity, slots, status,
               latency_ms, lots, held, moved, actor, instance, payload, private, login) as changed
           from ${events}
           -- A window function keeps the rows that it looks back at, and the log's rows are wide: OFFSET makes them
           -- narrow first.
           offset 0
         ) hashed window w as (order by position)
       ) neighbours
       where position <> before + 1 or recorded_at < recorded_before or changed
       union all
       select ${upTo}, 'the log has no such event' where not exists (select from ${last})`,
      'delete from carry_over_time',
      `insert into carry_over_time select recorded_at from ${last}`,
    ]
  },
}
