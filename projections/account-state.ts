/** Accounts: whose they are, on which plan, with which limits. */
import { typesWith } from '../events/event-types.ts'
import type { Projection } from './projection.ts'

export const accountState: Projection = {
  name: 'account_state',
  version: 1,
  mode: 'inline',
  eventFilter: `stream_version is not null`,
  tables: [
    `create table account_state (
      account_id text not null,
      shard smallint not null,
      version integer not null,
      position bigint not null,
      owner_kind text not null,
      owner_id text not null,
      rate_limit integer,
      max_in_flight integer,
      frozen boolean not null,
      erased boolean not null,
      opened_at timestamptz not null,
      primary key (account_id, shard)
    )`,
    `create index account_state_by_owner on account_state (owner_kind, owner_id)`,
    // The plan in force at a time is the row of the highest position that had started by then: a
    // later decision also replaces an earlier one that still lay ahead.
    `create table account_plans (
      account_id text not null,
      shard smallint not null,
      position bigint not null,
      plan text not null,
      starts_at timestamptz not null,
      primary key (account_id, position, shard)
    )`,
  ],
  apply: [
    {
      eventTypes: typesWith('stream', 'account'),
      sql: `insert into account_state
       select (jsonb_populate_record(null::account_state, coalesce(to_jsonb(s), '{}') || f.changes)).*
       from (
         select shard, account_id, merge_changes(change order by position) as changes
         from (
           select b.shard, b.account_id, b.position,
             jsonb_build_object('account_id', b.account_id, 'shard', b.shard,
               'version', b.stream_version, 'position', b.position)
             || case b.type
               when 'AccountOpened' then jsonb_build_object(
                 'owner_kind', b.payload #>> '{owner,kind}', 'owner_id', b.payload #>> '{owner,id}',
                 'rate_limit', null, 'max_in_flight', null, 'frozen', false, 'erased', false,
                 'opened_at', b.recorded_at)
               when 'AccountLimitsChanged' then jsonb_build_object(
                 'rate_limit', b.payload -> 'rateLimit', 'max_in_flight', b.payload -> 'maxInFlight')
               when 'AccountFrozen' then '{"frozen": true}'::jsonb
               when 'AccountUnfrozen' then '{"frozen": false}'::jsonb
               when 'AccountErased' then '{"erased": true}'::jsonb
               else '{}'::jsonb
             end as change
           from batch b
           where b.stream_version is not null and b.key_id is null
         ) changes
         group by shard, account_id
       ) f
       left join account_state s on s.account_id = f.account_id and s.shard = f.shard
       on conflict (account_id, shard) do update set
         version = excluded.version, position = excluded.position,
         rate_limit = excluded.rate_limit, max_in_flight = excluded.max_in_flight,
         frozen = excluded.frozen, erased = excluded.erased`,
    },
    {
      eventTypes: ['PlanStarted'],
      sql: `insert into account_plans (account_id, shard, position, plan, starts_at)
       select account_id, shard, position, payload ->> 'plan', (payload ->> 'from')::timestamptz
       from batch
       where type = 'PlanStarted'`,
    },
  ],
}
