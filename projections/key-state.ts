/** Keys: by which secret, whose, whether they may buy, and what they narrow. */
import { typesWith } from '../events/event-types.ts'
import type { Projection } from './projection.ts'

export const keyState: Projection = {
  name: 'key_state',
  version: 1,
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
       select (jsonb_populate_record(null::key_state, coalesce(to_jsonb(s), '{}') || f.changes)).*
       from (
         select shard, key_id, merge_changes(change order by position) as changes
         from (
           select b.shard, b.key_id, b.position,
             jsonb_build_object('key_id', b.key_id, 'shard', b.shard, 'account_id', b.account_id,
               'mode', b.mode, 'version', b.stream_version, 'position', b.position,
               'updated_at', b.recorded_at)
             -- Other events of a key may carry a private document too: an operator's reason.
             || case when b.type in ('KeyIssued', 'KeyImported', 'KeyUpdated') and b.private is not null
               then jsonb_build_object('private', b.private) else '{}'::jsonb end
             || case b.type
               when 'KeyIssued' then '{"enabled": true}'::jsonb || renamed.change
                 || jsonb_build_object('created_at', b.recorded_at)
               when 'KeyDisabled' then '{"enabled": false}'::jsonb
               when 'KeyEnabled' then '{"enabled": true}'::jsonb
               when 'KeyRevoked' then jsonb_build_object('revoked_at', b.recorded_at,
                 'previous_hash', null, 'previous_until', null)
               else renamed.change
             end as change
           from batch b
           cross join lateral (
             select coalesce(jsonb_object_agg(column_name, f.value), '{}') as change
             from jsonb_each(b.payload::jsonb) f
             join (values ('hash', 'hash'), ('display', 'display'), ('enabled', 'enabled'),
               ('createdAt', 'created_at'), ('endpoints', 'endpoints'), ('rateLimit', 'rate_limit'),
               ('monthlyCap', 'monthly_cap'), ('expiresAt', 'expires_at'),
               ('previousHash', 'previous_hash'), ('previousUntil', 'previous_until')
             ) as names (field, column_name) on names.field = f.key
           ) renamed
           where b.stream_version is not null and b.key_id is not null
         ) changes
         group by shard, key_id
       ) f
       left join key_state s on s.key_id = f.key_id and s.shard = f.shard
       on conflict (key_id, shard) do update set
         version = excluded.version, position = excluded.position, hash = excluded.hash,
         display = excluded.display, previous_hash = excluded.previous_hash,
         previous_until = excluded.previous_until, enabled = excluded.enabled,
         revoked_at = excluded.revoked_at, endpoints = excluded.endpoints,
         rate_limit = excluded.rate_limit, monthly_cap = excluded.monthly_cap,
         expires_at = excluded.expires_at, private = excluded.private,
         updated_at = excluded.updated_at`,
    },
  ],
}
