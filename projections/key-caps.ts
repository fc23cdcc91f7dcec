/**
 * What counts against the monthly caps of keys: what a key's calls of a UTC month hold and have settled, less the refunds of
 * those calls. A refund of an older charge frees nothing of its month's cap.
 *
 * Nearly no key has a cap, so only keys that have one, or had one once, are followed here, from the event on that gave it.
 * What a key had used before is in `monthly_balances`; the function `cap_used` adds the two up.
 */
import { catalogue } from '../events/catalogue.ts'
import { drawingTypes, resolvingTypes, typesWith } from '../events/event-types.ts'
import { typeIn } from '../events/type-condition.ts'
import type { MappingStatement, Projection } from './projection.ts'

/** Types of events that can give a key a cap. */
export const capTypes = typesWith('stream', 'key').filter(
  (type) => 'monthlyCap' in catalogue[type].payload.properties,
)

/** Types of events that count against a cap. */
export const capUsingTypes = [...drawingTypes, ...resolvingTypes, ...typesWith('moves', 'refunded')]

/** What resolves a hold without a charge, and so frees just what its `credits` say. */
export const freeingTypes = resolvingTypes.filter(
  (type) => !typesWith('moves', 'settled').includes(type),
)

/** The UTC month that an event counts in. UTC is said as an interval, for its name would be looked up for every row. */
export const monthOfEvent = `date_trunc('month', occurred_at at time zone interval '0')::date`

/** What a charge frees: nothing where it ran on a lease. Nearly no hold draws on several lots, and adding up a list costs as much as the rest. */
export const freedByCharge =
  'case when cardinality(held) > 1 then (select total(h) from unnest(held) h) else coalesce(held[1], 0) end'

/** The sum of what events add to what counts against their keys' caps. */
export function capUse(condition: string): string {
  return `total(case
             when ${typeIn(drawingTypes)} then credits
             when ${typeIn(freeingTypes)} then -credits
             -- A charge's credits are not what its hold held, so it says in its own \`held\` what it frees.
             when type = 'HoldSettled' then credits + ${freedByCharge}
             when type = 'ChargeRefunded' and date_trunc('month', (payload ->> 'chargedAt')::timestamptz at time zone 'UTC')
               = date_trunc('month', occurred_at at time zone 'UTC') then -credits
           end) filter (where ${condition})`
}

const givesCap = `${typeIn(capTypes)} and payload ->> 'monthlyCap' is not null`

/** Notes in a table (key_id, shard, account_id, position) which event first gave each key a cap. */
export function noteFirstCaps(table: string): MappingStatement {
  return {
    eventTypes: capTypes,
    sql: `insert into ${table} (key_id, shard, account_id, position)
       select key_id, shard, account_id, min(position)
       from batch
       where ${givesCap}
       group by key_id, shard, account_id
       on conflict (key_id, shard) do nothing`,
  }
}

const countUse: MappingStatement = {
  eventTypes: capUsingTypes,
  // Where no key has a cap, none is sought.
  condition: `${givesCap} or (select exists (select from capped_keys))
    and exists (select from capped_keys c where c.key_id = batch.key_id and c.shard = batch.shard)`,
  sql: `insert into cap_usage as u (key_id, month, shard, account_id, used)
       select key_id, ${monthOfEvent}, shard, account_id, ${capUse('true')}
       from (
         select e.* from batch e
         join capped_keys c on c.key_id = e.key_id and c.shard = e.shard and c.position < e.position
         where ${typeIn(capUsingTypes, 'e.type')}
       ) of_capped_keys
       group by 1, 2, 3, 4
       on conflict (key_id, month, shard) do update set used = u.used + excluded.used`,
}

export const keyCaps: Projection = {
  name: 'key_caps',
  version: 1,
  mode: 'inline',
  eventFilter: `key_id is not null and ${typeIn([...capTypes, ...capUsingTypes])}`,
  tables: [
    `create table capped_keys (
      key_id text not null,
      shard smallint not null,
      account_id text not null,
      -- Of the event that first gave it a cap.
      position bigint not null,
      primary key (key_id, shard)
    )`,
    `create table cap_usage (
      key_id text not null,
      month date not null,
      shard smallint not null,
      account_id text not null,
      used numeric not null,
      primary key (key_id, month, shard)
    ) with (fillfactor = 70)`,
  ],
  apply: [noteFirstCaps('capped_keys'), countUse],
}
