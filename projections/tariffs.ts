/** Tariffs: which prices and plans were in force when. */
import type { Projection } from './projection.ts'

export const tariffs: Projection = {
  name: 'tariffs',
  version: 1,
  mode: 'inline',
  eventFilter: `type = 'TariffPublished'`,
  tables: [
    // In force at a time: the latest effective_from by then, and of several the last published.
    `create table tariffs (
      shard smallint not null,
      position bigint not null,
      hash text not null,
      effective_from timestamptz not null,
      notice text,
      content jsonb not null,
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
      primary key (hash, plan, shard)
    )`,
  ],
  apply: [
    {
      eventTypes: ['TariffPublished'],
      sql: `insert into tariffs (shard, position, hash, effective_from, notice, content)
       select shard, position, payload ->> 'hash', (payload ->> 'from')::timestamptz, payload ->> 'notice',
         jsonb_build_object('plans', payload -> 'plans', 'prices', payload -> 'prices')
       from batch
       where type = 'TariffPublished'`,
    },
    {
      eventTypes: ['TariffPublished'],
      sql: `insert into tariff_plans (hash, plan, shard, credits, rate_limit, window_ms, max_in_flight)
       select distinct on (b.payload ->> 'hash', p.key, b.shard) b.payload ->> 'hash', p.key, b.shard,
         (p.value ->> 'credits')::bigint, (p.value ->> 'rateLimit')::integer,
         (p.value ->> 'windowMs')::integer, (p.value ->> 'maxInFlight')::integer
       from batch b, jsonb_each((b.payload -> 'plans')::jsonb) p
       where b.type = 'TariffPublished'
       on conflict (hash, plan, shard) do nothing`,
    },
  ],
}
