/** Calls that were refused, by key, UTC day, endpoint and reason. */
import { typesWith } from '../events/event-types.ts'
import { typeIn } from '../events/type-condition.ts'
import { addingUp } from './adding-up.ts'
import type { Projection } from './projection.ts'

const refusingTypes = typesWith('counts', 'refused')
const isRefusal = typeIn(refusingTypes)

export const dailyRefusals: Projection = {
  name: 'daily_refusals',
  version: 1,
  mode: 'catch-up',
  eventFilter: isRefusal,
  tables: [
    `create table daily_refusals (
      key_id text not null,
      day date not null,
      endpoint text not null,
      reason text not null,
      shard smallint not null,
      account_id text not null,
      mode text not null,
      -- Sums over a day are numeric: a bigint can be too small for what the log may hold.
      calls numeric not null,
      last_refused_at timestamptz not null,
      primary key (key_id, day, endpoint, reason, shard)
    )`,
    `create index daily_refusals_by_account on daily_refusals (account_id, day)`,
  ],
  apply: [
    addingUp(
      { eventTypes: refusingTypes },
      {
        table: 'daily_refusals',
        key: ['key_id', 'day', 'endpoint', 'reason', 'shard'],
        same: ['account_id', 'mode'],
        sums: ['calls'],
        latest: ['last_refused_at'],
        rows: `select key_id, (occurred_at at time zone interval '0')::date, endpoint, payload ->> 'reason', shard, account_id, mode,
         total(quantity), max(occurred_at)
       from batch
       where ${isRefusal}
       group by 1, 2, 3, 4, 5, 6, 7`,
      },
    ),
  ],
}
