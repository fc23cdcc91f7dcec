/** Tariffs: which prices and plans were in force when. */
import type { Projection } from './projection.ts'

/** What decides beside a plan's credits what it gives a month; null: nothing does. */
const monthlyTerms = `nullif(jsonb_strip_nulls(jsonb_build_object(
  'firstMonth', nullif(plan.value ->> 'firstMonth', 'whole'), 'overage', plan.value -> 'overage')), '{}')`

export const tariffs: Projection = {
  name: 'tariffs',
  version: 10,
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
      -- What every append asks of its plans: their names, their credits (null of a plan with terms of its own for a month), and
      -- how many calls in flight they allow.
      plans text[] not null,
      plan_credits bigint[] not null,
      plan_max_in_flight integer[] not null,
      primary key (position, shard)
    )`,
    `create table tariff_plans (
      hash text not null,
      plan text not null,
      shard smallint not null,
      credits bigint not null,
      max_in_flight integer not null,
      -- {credits, days}; null: the plan has none.
      trial jsonb,
      -- {max, months}; null: the plan has none.
      rollover jsonb,
      -- What else decides what it gives a month: {firstMonth, overage: {max, fee, per}}; null: its credits alone do.
      monthly_terms jsonb,
      primary key (hash, plan, shard)
    )`,
    `create table tariff_tiers (
      hash text not null,
      -- That has the price of its own; else empty.
      plan text not null,
      endpoint text not null,
      shard smallint not null,
      -- The name of the component that has tiers; empty where the price has no other.
      component text not null,
      -- The last of each tier, null of the last one, and what one costs in it, in millionths of a credit.
      up_to bigint[] not null,
      rates numeric[] not null,
      primary key (hash, endpoint, plan, shard)
    )`,
  ],
  apply: [
    {
      eventTypes: ['TariffPublished'],
      sql: `insert into tariffs (shard, position, hash, effective_from, notice, content, pricing_plans, plans, plan_credits, plan_max_in_flight)
       select shard, position, payload ->> 'hash', (payload ->> 'from')::timestamptz, payload ->> 'notice',
         jsonb_build_object('plans', payload -> 'plans', 'prices', payload -> 'prices')
           || case when payload -> 'credits' is null then '{}' else jsonb_build_object('credits', payload -> 'credits') end
           || case when payload -> 'packs' is null then '{}' else jsonb_build_object('packs', payload -> 'packs') end,
         p.pricing, coalesce(p.plans, '{}'), coalesce(p.credits, '{}'), coalesce(p.max_in_flight, '{}')
       from batch
       cross join lateral (
         select array_agg(plan.key order by plan.key collate "C") filter (where plan.value ? 'prices') as pricing,
           array_agg(plan.key order by plan.key collate "C") as plans,
           array_agg(case when ${monthlyTerms} is null then (plan.value ->> 'credits')::bigint end order by plan.key collate "C") as credits,
           array_agg((plan.value ->> 'maxInFlight')::integer order by plan.key collate "C") as max_in_flight
         from jsonb_each((payload -> 'plans')::jsonb) plan
       ) p
       where type = 'TariffPublished'`,
    },
    {
      eventTypes: ['TariffPublished'],
      sql: `insert into tariff_plans (hash, plan, shard, credits, max_in_flight, trial,
         rollover, monthly_terms)
       select distinct on (e.payload ->> 'hash', plan.key, e.shard) e.payload ->> 'hash', plan.key, e.shard,
         (plan.value ->> 'credits')::bigint, (plan.value ->> 'maxInFlight')::integer,
         plan.value -> 'trial', plan.value -> 'rollover',
         ${monthlyTerms}
       from batch e, jsonb_each((e.payload -> 'plans')::jsonb) plan
       where e.type = 'TariffPublished'
       on conflict (hash, plan, shard) do nothing`,
    },
    {
      eventTypes: ['TariffPublished'],
      sql: `insert into tariff_tiers (hash, plan, endpoint, shard, component, up_to, rates)
       select distinct on (hash, endpoint, plan, shard) e.payload ->> 'hash' as hash, price.plan, price.endpoint, e.shard,
         coalesce(component.value ->> 'name', ''),
         (select array_agg((tier.value ->> 'upTo')::bigint order by tier.ordinality) from
           jsonb_array_elements(component.value -> 'tiers') with ordinality tier),
         (select array_agg(coalesce((tier.value ->> 'credits')::numeric * 1000000, (tier.value ->> 'perMillion')::numeric)
             order by tier.ordinality) from
           jsonb_array_elements(component.value -> 'tiers') with ordinality tier)
       from batch e
       cross join lateral (
         select '' as plan, own.key as endpoint, own.value from jsonb_each((e.payload -> 'prices')::jsonb) own
         union all
         select plan.key, of_plan.key, of_plan.value
         from jsonb_each((e.payload -> 'plans')::jsonb) plan,
           jsonb_each(coalesce(plan.value -> 'prices', '{}')) of_plan
       ) price
       cross join lateral jsonb_array_elements(
         case jsonb_typeof(price.value) when 'array' then price.value else jsonb_build_array(price.value) end) component
       where e.type = 'TariffPublished' and component.value ? 'tiers'
       on conflict (hash, endpoint, plan, shard) do nothing`,
    },
  ],
}
