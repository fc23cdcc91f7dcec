/**
 * Idempotency claims: which call has which Idempotency-Key of an API key. The call's hold makes the row. The row
 * moves to a later hold when the first one ended in a way that leaves the Idempotency-Key free. It is never deleted,
 * so what was executed once under an Idempotency-Key is never executed again under it.
 */
import type { Projection } from './projection.ts'

/**
 * Nearly no hold has a claim. To search the payload's text for the word is faster than to look for a field that it
 * lacks, so that comes first.
 */
const claiming = `type = 'CreditsHeld' and strpos(payload::text, '"claim"') > 0 and payload ->> 'claim' is not null`

export const claims: Projection = {
  name: 'claims',
  version: 1,
  mode: 'inline',
  eventFilter: claiming,
  tables: [
    `create table claims (
      key_id text not null,
      claim text not null,
      shard smallint not null,
      account_id text not null,
      request_hash text not null,
      hold_id text not null,
      position bigint not null,
      primary key (key_id, claim, shard)
    )`,
  ],
  apply: [
    {
      eventTypes: ['CreditsHeld'],
      condition: claiming,
      sql: `insert into claims as c (key_id, claim, shard, account_id, request_hash, hold_id, position)
       select distinct on (key_id, payload ->> 'claim', shard) key_id, payload ->> 'claim', shard, account_id,
         payload ->> 'requestHash', request_id, position
       from batch
       where ${claiming}
       order by key_id, payload ->> 'claim', shard, position desc
       on conflict (key_id, claim, shard) do update set
         request_hash = excluded.request_hash, hold_id = excluded.hold_id, position = excluded.position`,
    },
  ],
}
