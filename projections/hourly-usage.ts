/**
 * Calls of everyone by UTC hour, endpoint and what became of them: `charged`, `free`, `failed` (held and not charged), `refused` or
 * `imported`. The reason is that of a failure or a refusal. Latencies stand as counts of calls that took so long at most.
 */
import { servedTypes, typesWith, usageTypes } from '../events/event-types.ts'
import { typeIn } from '../events/type-condition.ts'
import { addingUp } from './adding-up.ts'
import type { Projection } from './projection.ts'

/** The calls that outcomes are counted of. The end of a lease is no call, and has slots. */
export const countedTypes = [...usageTypes, ...typesWith('counts', 'refused')]
export const isCountedCall = `${typeIn(countedTypes)} and slots is null`

/** UTC hours need no name of a time zone, which would be looked up for every row. */
export const hourOfEvent = `date_bin(interval '1 hour', occurred_at, timestamptz '2000-01-01 00:00:00+00')`
export const outcomeOfEvent = `case type when 'HoldSettled' then 'charged' when 'CallsCounted' then 'free'
  when 'CallsRefused' then 'refused' when 'UsageImported' then 'imported' else 'failed' end`
/** A reason is one of a few words. Whatever a log has, it fits the index. */
export const reasonOfEvent = `case type when 'HoldReleased' then left(payload ->> 'reason', 40)
  when 'CallsRefused' then left(payload ->> 'reason', 40) when 'HoldExpired' then 'expired' else '' end`
/** Counted and refused calls come many in an event. */
export const callsOfEvent = `case when ${typeIn([...servedTypes, ...typesWith('counts', 'refused')])} then quantity else 1 end`
/** Of free and imported calls some failed. */
export const errorsOfEvent = `case when ${typeIn(servedTypes)} then (payload ->> 'errors')::bigint else 0 end`
/** Credits that were charged. */
export const chargedOfEvent = `case when type in ('HoldSettled', 'UsageImported') then credits else 0 end`

/** In milliseconds. */
export const latencyBounds = [25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000] as const
const latencyColumns = [...latencyBounds.map((bound) => `within_${bound}_ms`), 'timed']

export const hourlyUsage: Projection = {
  name: 'hourly_usage',
  version: 1,
  mode: 'catch-up',
  isForCharts: true,
  eventFilter: isCountedCall,
  tables: [
    `create table hourly_usage (
      hour timestamptz not null,
      mode text not null,
      endpoint text not null,
      outcome text not null,
      reason text not null,
      shard smallint not null,
      -- Sums are numeric: a bigint can be too small for what the log may hold.
      calls numeric not null,
      errors numeric not null,
      credits numeric not null,
      -- Calls whose latency is known, and those of them that took so long at most.
      ${latencyColumns.map((column) => `${column} numeric not null`).join(', ')},
      primary key (hour, mode, endpoint, outcome, reason, shard)
    ) with (fillfactor = 70)`,
  ],
  apply: [
    addingUp(
      { eventTypes: countedTypes },
      {
        table: 'hourly_usage',
        key: ['hour', 'mode', 'endpoint', 'outcome', 'reason', 'shard'],
        sums: ['calls', 'errors', 'credits', ...latencyColumns],
        rows: `select ${hourOfEvent}, mode, endpoint, ${outcomeOfEvent}, ${reasonOfEvent}, shard,
         total(${callsOfEvent}), total(${errorsOfEvent}), total(${chargedOfEvent}),
         ${latencyBounds.map((bound) => `count(*) filter (where latency_ms <= ${bound})`).join(', ')}, count(latency_ms)
       from batch
       where ${isCountedCall}
       group by 1, 2, 3, 4, 5, 6`,
      },
    ),
  ],
}
