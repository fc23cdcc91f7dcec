/**
 * Sums by account, key and UTC month. Grants and adjustments, which no key makes, stand under the key ''.
 *
 * `cap_used` counts against a key's monthly cap: what its calls of the month hold and have settled, less the refunds of
 * those calls. A refund of an older charge is `refunded` in the month in which it is made, but frees nothing of that
 * month's cap.
 */
import { drawingTypes, resolvingTypes, typesWith } from '../events/event-types.ts'
import { typeIn, typeNotIn } from '../events/type-condition.ts'
import type { Projection } from './projection.ts'

/** Imported usage counts in no balance: balances begin with this ledger. */
const importedTypes = typesWith('counts', 'imported')
const isCounted = `account_id is not null and stream_version is null and ${typeNotIn(importedTypes)}`

/** What resolves a hold without a charge, and so frees just what its `credits` say. */
const freeingTypes = resolvingTypes.filter((type) => !typesWith('moves', 'settled').includes(type))

export const monthlyBalances: Projection = {
  name: 'monthly_balances',
  version: 2,
  mode: 'inline',
  eventFilter: isCounted,
  tables: [
    `create table monthly_balances (
      account_id text not null,
      key_id text not null,
      mode text not null,
      month date not null,
      shard smallint not null,
      -- Sums over a month are numeric: a bigint can be too small for what the log may hold.
      calls numeric not null default 0,
      granted numeric not null default 0,
      adjusted numeric not null default 0,
      held numeric not null default 0,
      settled numeric not null default 0,
      refunded numeric not null default 0,
      cap_used numeric not null default 0,
      primary key (account_id, key_id, mode, month, shard)
    ) with (fillfactor = 70)`,
  ],
  apply: [
    {
      eventTypes: typesWith('stream', 'credits').filter((type) => !importedTypes.includes(type)),
      sql: `insert into monthly_balances as m (account_id, key_id, mode, month, shard, calls, granted, adjusted, held,
         settled, refunded, cap_used)
       select account_id, key_id, mode, month, shard,
         calls, granted, adjusted, held, settled, refunded, held + settled - refunded_of_month
       from (
         -- UTC is said as an interval, for its name would be looked up for every row.
         select account_id, coalesce(key_id, '') as key_id, mode,
           date_trunc('month', occurred_at at time zone interval '0')::date as month, shard,
           total(case type when 'HoldSettled' then 1 when 'CallsCounted' then quantity end) as calls,
           total(credits) filter (where type = 'CreditsGranted') as granted,
           total(credits) filter (where type = 'CreditsAdjusted') as adjusted,
           -- A charge's credits are not what its hold held, so it says in its own \`held\` what it frees.
           total(case
             when ${typeIn(drawingTypes)} then credits
             when ${typeIn(freeingTypes)} then -credits
             when type = 'HoldSettled' then case cardinality(held) when 1 then held[1]
               else (select total(h) from unnest(held) h) end
           end) as held,
           total(credits) filter (where type = 'HoldSettled') as settled,
           total(credits) filter (where type = 'ChargeRefunded') as refunded,
           total(credits) filter (where type = 'ChargeRefunded'
             and date_trunc('month', (payload ->> 'chargedAt')::timestamptz at time zone 'UTC')
               = date_trunc('month', occurred_at at time zone 'UTC')) as refunded_of_month
         from batch
         where ${isCounted}
         group by 1, 2, 3, 4, 5
       ) sums
       on conflict (account_id, key_id, mode, month, shard) do update set
         calls = m.calls + excluded.calls, granted = m.granted + excluded.granted,
         adjusted = m.adjusted + excluded.adjusted, held = m.held + excluded.held,
         settled = m.settled + excluded.settled, refunded = m.refunded + excluded.refunded,
         cap_used = m.cap_used + excluded.cap_used`,
    },
  ],
}
