/**
 * Whether each Idempotency-Key was charged once: a hold that claims one which an earlier hold has claims it for the same
 * request, and the earlier hold has ended uncharged.
 */
import { resolvingTypes } from '../../../../events/event-types.ts'
import { typeIn } from '../../../../events/type-condition.ts'
import { type CheckConnection, eventsOf, type Finding, type LogRange } from '../log-check.ts'

/** Statements that make the tables for what is carried over. */
export const claimTables: readonly string[] = [
  `create table carry_over_claims (key_id text, claim text, request_hash text, request_id text, position bigint not null,
    primary key (key_id, claim))`,
]

export function checkClaims(range: LogRange, connection: CheckConnection): Promise<Finding[]> {
  return connection.run<Finding>([
    'drop table if exists claims_of_range',
    `create temp table claims_of_range as
     select coalesce(key_id, '') as key_id, payload ->> 'claim' as claim, payload ->> 'requestHash' as request_hash,
       coalesce(request_id, '') as request_id, position
     from ${eventsOf(range)} and type = 'CreditsHeld' and strpos(payload::text, '"claim"') > 0
       and payload ->> 'claim' is not null`,
    'drop table if exists claims_again',
    `create temp table claims_again as
     select * from (
       select *, lag(request_id) over w as before, lag(request_hash) over w as hash_before
       from (
         select *, true as is_new from claims_of_range
         union all
         select *, false from carry_over_claims
         where (key_id, claim) in (select key_id, claim from claims_of_range)
       ) each
       window w as (partition by key_id, claim order by position)
     ) followed where is_new and before is not null`,
    `insert into carry_over_claims as c
     select distinct on (key_id, claim) * from claims_of_range order by key_id, claim, position desc
     on conflict (key_id, claim) do update set request_hash = excluded.request_hash, request_id = excluded.request_id,
       position = excluded.position`,
    `select a.position, case
       when a.request_hash is distinct from a.hash_before then 'its Idempotency-Key is claimed for another request'
       when before.type is null then 'its Idempotency-Key is claimed by a call that has not ended'
       else 'its Idempotency-Key was charged already' end as fault
     from claims_again a
     left join lateral (
       select e.type from events e
       where e.request_id = a.before and e.shard = ${range.shard} and e.position < a.position
         and ${typeIn(resolvingTypes, 'e.type')} and e.held is not null
       limit 1
     ) before on true
     where a.request_hash is distinct from a.hash_before or before.type is null or before.type = 'HoldSettled'`,
  ])
}
