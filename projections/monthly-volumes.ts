/**
 * How much each account has had in a UTC month of what a price sells in tiers: what its calls of that month were charged for. A
 * refund does not lower it. Appends price by it, so it is fed inside of them; only charges with a `volume` change it.
 */
import { monthOfEvent } from './key-caps.ts'
import type { Projection } from './projection.ts'

/** Whether an event is a charge by tiers: first by its text, for to read it costs more. */
const isTiered = `type = 'HoldSettled' and strpos(payload::text, '"volume":') > 0`

export const monthlyVolumes: Projection = {
  name: 'monthly_volumes',
  version: 1,
  mode: 'inline',
  eventFilter: isTiered,
  tables: [
    `create table monthly_volumes (
      account_id text not null,
      mode text not null,
      endpoint text not null,
      -- Of a price of several components, the name of the one that has tiers; else empty.
      component text not null,
      month date not null,
      shard smallint not null,
      volume numeric not null,
      primary key (account_id, mode, endpoint, component, month, shard)
    ) with (fillfactor = 70)`,
  ],
  apply: [
    {
      eventTypes: ['HoldSettled'],
      condition: isTiered,
      sql: `insert into monthly_volumes as v (account_id, mode, endpoint, component, month, shard, volume)
       select account_id, mode, endpoint, component, ${monthOfEvent}, shard,
         total(case when component = '' then quantity else (payload -> 'parts' ->> component)::bigint end)
       from (
         select e.*, coalesce(e.payload ->> 'volumeOf', '') as component
         from batch e where ${isTiered} and payload ->> 'volume' is not null
       ) tiered
       group by 1, 2, 3, 4, 5, 6
       on conflict (account_id, mode, endpoint, component, month, shard)
         do update set volume = v.volume + excluded.volume`,
    },
  ],
}
