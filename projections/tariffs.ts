/** Tariffs: which prices and plans were in force when. */
import type { Projection } from './projection.ts'

export const tariffs: Projection = {
  name: 'tariffs',
  version: 5,
  mode: 'inline',
  eventFilter: `type = 'TariffPublished'`,
  tables: [
    // The tariff in force at a time has the latest effective_from by then; of several, it is the last published.
    `create table tariffs (
      shard smallint not null,
      position bigint not null,
      hash text not null,
      effective_from timestamptz not null,
      notice text,
      content jsonb not null,
      -- Plans that have prices of their own, which purchases name; null: none.
      pricing_plans text[],
      primary key (position, shard)
    )`,
    `create table tariff_plans (
      hash text not null,
      plan text not null,
      shard smallint not null,
      credits bigint not null,
      rate_limit integer not null,
      window_ms integer not null,
      max_in_flight integer not null,
      -- {credits, days}; null: the plan has none.
      trial jsonb,
      -- What else decides what it gives a month; null: its credits alone do.
      monthly_terms jsonb,
      primary key (hash, plan, shard)
    )`,
  ],
  apply: [
    {
      eventTypes: ['TariffPublished'],
      sql: `insert into tariffs (shard, position, hash, effective_from, notice, content, pricing_plans)
       select shard, position, payload ->> 'hash', (payload ->> 'from')::timestamptz, payload ->> 'notice',
         jsonb_build_object('plans', payload -> 'plans', 'prices', payload -> 'prices')
           || case when payload -> 'credits' is null then '{}' else jsonb_build_object('credits', payload -> 'credits') end
           || case when payload -> 'packs' is null then '{}' else jsonb_build_object('packs', payload -> 'packs') end,
         (select array_agg(plan.key order by plan.key collate "C") from jsonb_each((payload -> 'plans')::jsonb) plan
          where plan.value ? 'prices')
       from batch
       where type = 'TariffPublished'`,
    },
    {
      eventTypes: ['TariffPublished'],
      sql: `insert into tariff_plans (hash, plan, shard, credits, rate_limit, window_ms, max_in_flight, trial,
         monthly_terms)
       select distinct on (e.payload ->> 'hash', plan.key, e.shard) e.payload ->> 'hash', plan.key, e.shard,
         (plan.value ->> 'credits')::bigint, (plan.value ->> 'rateLimit')::integer,
         (plan.value ->> 'windowMs')::integer, (plan.value ->> 'maxInFlight')::integer,
         plan.value -> 'trial', case when plan.value ->> 'firstMonth' = 'prorated' then '{"firstMonth": "prorated"}'::jsonb end
       from batch e, jsonb_each((e.payload -> 'plans')::jsonb) plan
       where e.type = 'TariffPublished'
       on conflict (hash, plan, shard) do nothing`,
    },
  ],
}
