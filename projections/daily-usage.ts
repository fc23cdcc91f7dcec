/**
 * Usage by key, UTC day and endpoint. An error is a call that was held and not charged. The end of a lease is no
 * call, and has slots. Imported usage has calls and credits but no quantity that a price would count, so it adds
 * none.
 */
import { servedTypes, usageTypes } from '../events/event-types.ts'
import { typeIn } from '../events/type-condition.ts'
import { addingUp } from './adding-up.ts'
import type { Projection } from './projection.ts'

const isUsage = `${typeIn(usageTypes)} and slots is null`

export const dailyUsage: Projection = {
  name: 'daily_usage',
  version: 3,
  mode: 'catch-up',
  eventFilter: isUsage,
  tables: [
    `create table daily_usage (
      key_id text not null,
      day date not null,
      endpoint text not null,
      shard smallint not null,
      account_id text not null,
      mode text not null,
      -- Sums over a day are numeric: a bigint can be too small for what the log may hold.
      requests numeric not null,
      errors numeric not null,
      credits numeric not null,
      quantity numeric not null,
      latency_ms_sum numeric not null,
      last_used_at timestamptz not null,
      primary key (key_id, day, endpoint, shard)
    ) with (fillfactor = 80)`,
    `create index daily_usage_by_account on daily_usage (account_id, day)`,
    `create index daily_usage_by_day on daily_usage (day)`,
  ],
  apply: [
    addingUp(
      { eventTypes: usageTypes },
      {
        table: 'daily_usage',
        key: ['key_id', 'day', 'endpoint', 'shard'],
        same: ['account_id', 'mode'],
        sums: ['requests', 'errors', 'credits', 'quantity', 'latency_ms_sum'],
        latest: ['last_used_at'],
        // In every CASE the most frequent type comes first. UTC is said as an interval, for its name would be looked
        // up for every row.
        rows: `select key_id, (occurred_at at time zone interval '0')::date, endpoint, shard, account_id, mode,
         total(case when type = 'HoldSettled' then 1 when ${typeIn(servedTypes)} then quantity
           else 1 end) as requests,
         total(case when type = 'HoldSettled' then 0 when ${typeIn(servedTypes)} then (payload ->> 'errors')::bigint
           else 1 end) as errors,
         total(credits) filter (where type in ('HoldSettled', 'UsageImported')) as credits,
         total(quantity) filter (where type in ('HoldSettled', 'CallsCounted')) as quantity,
         total(case when type = 'HoldSettled' then latency_ms when ${typeIn(servedTypes)}
           then (payload ->> 'latencyMsSum')::bigint else latency_ms end) as latency_ms_sum,
         max(occurred_at) as last_used_at
       from batch
       where ${isUsage}
       group by 1, 2, 3, 4, 5, 6`,
        order: 'key_id collate "C", 2',
      },
    ),
  ],
}
