/**
 * Keys: their secrets' hashes, whose they are, whether they may call, and what they narrow of their account's limits.
 */
import { keyMakingTypes, typesWith } from '../events/event-types.ts'
import { typeIn } from '../events/type-condition.ts'
import type { Projection } from './projection.ts'

export const keyState: Projection = {
  name: 'key_state',
  version: 2,
  mode: 'inline',
  eventFilter: `stream_version is not null`,
  tables: [
    `create table key_state (
      key_id text not null,
      shard smallint not null,
      account_id text not null,
      mode text not null,
      version integer not null,
      position bigint not null,
      hash text not null,
      display text not null,
      previous_hash text,
      previous_until timestamptz,
      enabled boolean not null,
      revoked_at timestamptz,
      endpoints jsonb,
      rate_limit integer,
      monthly_cap bigint,
      -- null: it never had any of its own.
      budgets jsonb,
      key_group text,
      expires_at timestamptz,
      private bytea,
      created_at timestamptz not null,
      updated_at timestamptz not null,
      primary key (key_id, shard)
    )`,
    `create unique index key_state_by_hash on key_state (hash, shard)`,
    `create index key_state_by_previous_hash on key_state (previous_hash) where previous_hash is not null`,
    `create index key_state_by_account on key_state (account_id, created_at)`,
    `create index key_state_by_age on key_state (created_at desc, key_id)`,
  ],
  apply: [
    {
      eventTypes: typesWith('stream', 'key'),
      sql: `insert into key_state
       -- The row of a key is what it was, with the changes of all its events merged over it, the latest last.
       select row_as_merged.*
       from (
         select shard, key_id, merge_changes(change order by position) as changes
         from (
           select e.shard, e.key_id, e.position,
             jsonb_build_object('key_id', e.key_id, 'shard', e.shard, 'version', e.stream_version,
               'position', e.position, 'updated_at', e.recorded_at)
             -- Whose the key is was said when it was made.
             || case when ${typeIn(keyMakingTypes, 'e.type')}
               then jsonb_build_object('account_id', e.account_id, 'mode', e.mode) else '{}'::jsonb end
             -- Other events of a key may have a private document too: an operator's reason.
             || case when e.type in ('KeyIssued', 'KeyImported', 'KeyUpdated') and e.private is not null
               then jsonb_build_object('private', e.private) else '{}'::jsonb end
             || case e.type
               when 'KeyIssued' then '{"enabled": true}'::jsonb || of_payload.change
                 || jsonb_build_object('created_at', e.recorded_at)
               when 'KeyDisabled' then '{"enabled": false}'::jsonb
               when 'KeyEnabled' then '{"enabled": true}'::jsonb
               when 'KeyRevoked' then jsonb_build_object('revoked_at', e.recorded_at,
                 'previous_hash', null, 'previous_until', null)
               else of_payload.change
             end as change
           from batch e
           -- The payload's fields, under the names of their columns.
           cross join lateral (
             select coalesce(jsonb_object_agg(names.column_name, field.value), '{}') as change
             from jsonb_each(e.payload::jsonb) field
             join (values ('hash', 'hash'), ('display', 'display'), ('enabled', 'enabled'),
               ('createdAt', 'created_at'), ('endpoints', 'endpoints'), ('rateLimit', 'rate_limit'),
               ('monthlyCap', 'monthly_cap'), ('budgets', 'budgets'), ('group', 'key_group'), ('expiresAt', 'expires_at'),
               ('previousHash', 'previous_hash'), ('previousUntil', 'previous_until')
             ) as names (field_name, column_name) on names.field_name = field.key
           ) of_payload
           where e.stream_version is not null and e.key_id is not null
         ) of_event
         group by shard, key_id
       ) merged
       left join key_state prior on prior.key_id = merged.key_id and prior.shard = merged.shard
       -- In the list of columns it would be made once for each of them.
       cross join lateral jsonb_populate_record(null::key_state, coalesce(to_jsonb(prior), '{}') || merged.changes) row_as_merged
       on conflict (key_id, shard) do update set
         version = excluded.version, position = excluded.position, hash = excluded.hash,
         display = excluded.display, previous_hash = excluded.previous_hash,
         previous_until = excluded.previous_until, enabled = excluded.enabled,
         revoked_at = excluded.revoked_at, endpoints = excluded.endpoints,
         rate_limit = excluded.rate_limit, monthly_cap = excluded.monthly_cap,
         budgets = excluded.budgets, key_group = excluded.key_group,
         expires_at = excluded.expires_at, private = excluded.private,
         updated_at = excluded.updated_at`,
    },
  ],
}
