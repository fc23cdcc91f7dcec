/** Accounts: who owns them, their plans, their own limits, and where their notes stand in the log. */
import { typesWith } from '../events/event-types.ts'
import type { Projection } from './projection.ts'

export const accountState: Projection = {
  name: 'account_state',
  version: 4,
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
      -- null: it never had any.
      budgets jsonb,
      -- Who the owner is, encrypted; null: nobody has said.
      private bytea,
      opened_at timestamptz not null,
      primary key (account_id, shard)
    )`,
    `create index account_state_by_owner on account_state (owner_kind, owner_id)`,
    // The plan in force at a time is the row of the highest position that had started by then. So a later decision also
    // replaces an earlier one that had not started yet.
    `create table account_plans (
      account_id text not null,
      shard smallint not null,
      position bigint not null,
      plan text not null,
      starts_at timestamptz not null,
      primary key (account_id, position, shard)
    )`,
    // A note is read from the log, where notes are few among the events of an account.
    `create table account_notes (
      account_id text not null,
      shard smallint not null,
      position bigint not null,
      primary key (account_id, position, shard)
    )`,
  ],
  apply: [
    {
      eventTypes: typesWith('stream', 'account'),
      sql: `insert into account_state
       -- The row of an account is what it was, with the changes of all its events merged over it, the latest last.
       select row_as_merged.*
       from (
         select shard, account_id, merge_changes(change order by position) as changes
         from (
           select e.shard, e.account_id, e.position,
             jsonb_build_object('account_id', e.account_id, 'shard', e.shard,
               'version', e.stream_version, 'position', e.position)
             || case e.type
               when 'AccountOpened' then jsonb_build_object(
                 'owner_kind', e.payload #>> '{owner,kind}', 'owner_id', e.payload #>> '{owner,id}',
                 'rate_limit', null, 'max_in_flight', null, 'frozen', false, 'erased', false,
                 'opened_at', e.recorded_at)
               when 'AccountLimitsChanged' then jsonb_build_object(
                 'rate_limit', e.payload -> 'rateLimit', 'max_in_flight', e.payload -> 'maxInFlight')
               when 'AccountBudgetsChanged' then jsonb_build_object('budgets', e.payload -> 'budgets')
               when 'AccountDescribed' then jsonb_build_object('private', e.private)
               when 'AccountFrozen' then '{"frozen": true}'::jsonb
               when 'AccountUnfrozen' then '{"frozen": false}'::jsonb
               when 'AccountErased' then '{"erased": true}'::jsonb
               else '{}'::jsonb
             end as change
           from batch e
           where e.stream_version is not null and e.key_id is null
         ) of_event
         group by shard, account_id
       ) merged
       left join account_state prior on prior.account_id = merged.account_id and prior.shard = merged.shard
       -- In the list of columns it would be made once for each of them.
       cross join lateral jsonb_populate_record(null::account_state, coalesce(to_jsonb(prior), '{}') || merged.changes) row_as_merged
       on conflict (account_id, shard) do update set
         version = excluded.version, position = excluded.position,
         rate_limit = excluded.rate_limit, max_in_flight = excluded.max_in_flight,
         frozen = excluded.frozen, erased = excluded.erased, budgets = excluded.budgets, private = excluded.private`,
    },
    {
      eventTypes: ['PlanStarted'],
      sql: `insert into account_plans (account_id, shard, position, plan, starts_at)
       select account_id, shard, position, payload ->> 'plan', (payload ->> 'from')::timestamptz
       from batch
       where type = 'PlanStarted'`,
    },
    {
      eventTypes: ['AccountNoted'],
      sql: `insert into account_notes (account_id, shard, position)
       select account_id, shard, position from batch where type = 'AccountNoted'`,
    },
  ],
}
