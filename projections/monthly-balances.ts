/**
 * Sums by account, key and UTC month. Grants and adjustments, which no key makes, stand under the key ''.
 *
 * No append decides by them but for one: `used_before_cap` is what would have counted against a key's cap before the key had
 * one. What counts from then on stands in `cap_usage`.
 */
import { drawingTypes, typesWith } from '../events/event-types.ts'
import { typeIn, typeNotIn } from '../events/type-condition.ts'
import { addingUp } from './adding-up.ts'
import {
  capTypes,
  capUse,
  freedByCharge,
  freeingTypes,
  monthOfEvent,
  noteFirstCaps,
} from './key-caps.ts'
import type { Projection } from './projection.ts'

/** Imported usage counts in no balance, because balances begin with this ledger, and neither does what was refused. */
const uncounted = [...typesWith('counts', 'imported'), ...typesWith('counts', 'refused')]
const isCounted = `account_id is not null and stream_version is null and ${typeNotIn(uncounted)}`

export const monthlyBalances: Projection = {
  name: 'monthly_balances',
  version: 3,
  mode: 'catch-up',
  eventFilter: `(${isCounted} or ${typeIn(capTypes)})`,
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
      used_before_cap numeric not null default 0,
      primary key (account_id, key_id, mode, month, shard)
    ) with (fillfactor = 70)`,
    // As capped_keys, and as far behind the log as this projection.
    `create table cap_starts (
      key_id text not null,
      shard smallint not null,
      account_id text not null,
      position bigint not null,
      primary key (key_id, shard)
    )`,
  ],
  apply: [
    noteFirstCaps('cap_starts'),
    addingUp(
      { eventTypes: typesWith('stream', 'credits').filter((type) => !uncounted.includes(type)) },
      {
        table: 'monthly_balances',
        key: ['account_id', 'key_id', 'mode', 'month', 'shard'],
        sums: [
          ...(['calls', 'granted', 'adjusted', 'held', 'settled', 'refunded'] as const),
          'used_before_cap',
        ],
        rows: `select account_id, coalesce(key_id, '') as key_id, mode,
           ${monthOfEvent} as month, shard,
           total(case type when 'HoldSettled' then 1 when 'CallsCounted' then quantity end) as calls,
           total(credits) filter (where type = 'CreditsGranted') as granted,
           total(credits) filter (where type = 'CreditsAdjusted') as adjusted,
           -- A charge's credits are not what its hold held, so it says in its own \`held\` what it frees.
           total(case
             when ${typeIn(drawingTypes)} then credits
             when ${typeIn(freeingTypes)} then -credits
             when type = 'HoldSettled' then ${freedByCharge}
           end) as held,
           total(credits) filter (where type = 'HoldSettled') as settled,
           total(credits) filter (where type = 'ChargeRefunded') as refunded,
           ${capUse('key_id is not null and (first_cap is null or position < first_cap)')} as used_before_cap
         from batch
         left join (select key_id as capped_key, shard as capped_shard, position as first_cap from cap_starts) c
           on capped_key = key_id and capped_shard = shard
         where ${isCounted}
         group by 1, 2, 3, 4, 5`,
      },
    ),
  ],
}
