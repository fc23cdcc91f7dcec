/** Operator keys: their secrets' hashes, as what operator each comes, and until when. */
import { typesWith } from '../events/event-types.ts'
import { typeIn } from '../events/type-condition.ts'
import type { Projection } from './projection.ts'

const types = typesWith('stream', 'operators')

export const operatorKeys: Projection = {
  name: 'operator_keys',
  version: 1,
  mode: 'inline',
  eventFilter: typeIn(types),
  tables: [
    `create table operator_keys (
      operator_key_id text not null,
      shard smallint not null,
      -- How many events are of it.
      version integer not null,
      position bigint not null,
      name text not null,
      role text not null,
      hash text not null,
      display text not null,
      previous_hash text,
      previous_until timestamptz,
      expires_at timestamptz not null,
      revoked_at timestamptz,
      created_at timestamptz not null,
      updated_at timestamptz not null,
      primary key (operator_key_id, shard)
    )`,
    `create unique index operator_keys_by_hash on operator_keys (hash, shard)`,
    `create index operator_keys_by_previous_hash on operator_keys (previous_hash) where previous_hash is not null`,
  ],
  apply: [
    {
      eventTypes: types,
      sql: `insert into operator_keys
       -- The row is what it was, with the changes of all events of the key merged over it, the latest last.
       select row_as_merged.*
       from (
         select shard, id, merge_changes(change order by position) as changes, count(*) as events
         from (
           select e.shard, e.payload ->> 'id' as id, e.position,
             jsonb_build_object('operator_key_id', e.payload ->> 'id', 'shard', e.shard, 'position', e.position,
               'updated_at', e.recorded_at)
             || of_payload.change
             || case e.type
               when 'OperatorKeyIssued' then jsonb_build_object('created_at', e.recorded_at)
               when 'OperatorKeyRevoked' then jsonb_build_object('revoked_at', e.recorded_at,
                 'previous_hash', null, 'previous_until', null)
               else '{}'::jsonb
             end as change
           from batch e
           -- The payload's fields, under the names of their columns.
           cross join lateral (
             select coalesce(jsonb_object_agg(names.column_name, field.value), '{}') as change
             from jsonb_each(e.payload::jsonb) field
             join (values ('name', 'name'), ('role', 'role'), ('hash', 'hash'), ('display', 'display'),
               ('expiresAt', 'expires_at'), ('previousHash', 'previous_hash'), ('previousUntil', 'previous_until')
             ) as names (field_name, column_name) on names.field_name = field.key
           ) of_payload
           where ${typeIn(types, 'e.type')}
         ) of_event
         group by shard, id
       ) merged
       left join operator_keys prior on prior.operator_key_id = merged.id and prior.shard = merged.shard
       cross join lateral jsonb_populate_record(null::operator_keys, coalesce(to_jsonb(prior), '{}') || merged.changes
         || jsonb_build_object('version', coalesce(prior.version, 0) + merged.events)) row_as_merged
       on conflict (operator_key_id, shard) do update set
         version = excluded.version, position = excluded.position, name = excluded.name, role = excluded.role,
         hash = excluded.hash, display = excluded.display, previous_hash = excluded.previous_hash,
         previous_until = excluded.previous_until, expires_at = excluded.expires_at,
         revoked_at = excluded.revoked_at, updated_at = excluded.updated_at`,
    },
  ],
}
