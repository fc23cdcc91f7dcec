/**
 * Usage by key, UTC day and endpoint. An error is a call that was held and not settled; a lease
 * is no call. What was imported says calls and credits, but not what the endpoint counts, so it adds nothing to `quantity`.
 */
import { countingTypes, resolvingTypes } from '../events/event-types.ts'
import { typeIn } from '../events/type-condition.ts'
import type { Projection } from './projection.ts'

const usageTypes = [...resolvingTypes, ...countingTypes]

export const dailyUsage: Projection = {
  name: 'daily_usage',
  version: 2,
  mode: 'catch-up',
  eventFilter: `${typeIn(usageTypes)} and slots is null`,
  tables: [
    `create table daily_usage (
      key_id text not null,
      day date not null,
      endpoint text not null,
      shard smallint not null,
      account_id text not null,
      mode text not null,
      requests bigint not null,
      errors bigint not null,
      credits bigint not null,
      quantity bigint not null,
      latency_ms_sum bigint not null,
      last_used_at timestamptz not null,
      primary key (key_id, day, endpoint, shard)
    ) with (fillfactor = 80)`,
    `create index daily_usage_by_account on daily_usage (account_id, day)`,
    `create index daily_usage_by_day on daily_usage (day)`,
  ],
  apply: [
    {
      eventTypes: usageTypes,
      sql: `insert into daily_usage as d (key_id, day, endpoint, shard, account_id, mode, requests, errors, credits,
         quantity, latency_ms_sum, last_used_at)
       -- The frequent type first, and UTC as what it is: its name would be looked up for every row.
       select key_id, (occurred_at at time zone interval '0')::date, endpoint, shard, account_id, mode,
         total(case type when 'HoldSettled' then 1 when 'CallsCounted' then quantity when 'UsageImported' then quantity
           else 1 end),
         total(case type when 'HoldSettled' then 0 when 'CallsCounted' then (payload ->> 'errors')::bigint
           when 'UsageImported' then (payload ->> 'errors')::bigint else 1 end),
         total(credits) filter (where type in ('HoldSettled', 'UsageImported')),
         total(quantity) filter (where type in ('HoldSettled', 'CallsCounted')),
         total(case type when 'HoldSettled' then latency_ms when 'CallsCounted' then (payload ->> 'latencyMsSum')::bigint
           when 'UsageImported' then (payload ->> 'latencyMsSum')::bigint else latency_ms end),
         max(occurred_at)
       from batch
       where ${typeIn(usageTypes)} and slots is null
       group by 1, 2, 3, 4, 5, 6
       -- Near the key's own order: a replay goes once through its index for a range, instead of all over it.
       order by key_id collate "C", 2
       on conflict (key_id, day, endpoint, shard) do update set
         requests = d.requests + excluded.requests, errors = d.errors + excluded.errors,
         credits = d.credits + excluded.credits, quantity = d.quantity + excluded.quantity,
         latency_ms_sum = d.latency_ms_sum + excluded.latency_ms_sum,
         last_used_at = greatest(d.last_used_at, excluded.last_used_at)`,
    },
  ],
}
