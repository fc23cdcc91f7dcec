/**
 * An account's calls by UTC hour, key, endpoint, model and what became of them, in the words of hourly_usage. The model is the value
 * by which a price found its rate; calls of other prices have none.
 */
import { addingUp } from './adding-up.ts'
import {
  callsOfEvent,
  chargedOfEvent,
  countedTypes,
  errorsOfEvent,
  hourOfEvent,
  isCountedCall,
  outcomeOfEvent,
  reasonOfEvent,
} from './hourly-usage.ts'
import type { Projection } from './projection.ts'

export const accountHourlyUsage: Projection = {
  name: 'account_hourly_usage',
  version: 1,
  mode: 'catch-up',
  isForCharts: true,
  eventFilter: isCountedCall,
  tables: [
    `create table account_hourly_usage (
      account_id text not null,
      mode text not null,
      hour timestamptz not null,
      key_id text not null,
      endpoint text not null,
      model text not null,
      outcome text not null,
      reason text not null,
      shard smallint not null,
      -- Sums are numeric: a bigint can be too small for what the log may hold.
      calls numeric not null,
      errors numeric not null,
      credits numeric not null,
      quantity numeric not null,
      primary key (account_id, mode, hour, key_id, endpoint, model, outcome, reason, shard)
    ) with (fillfactor = 80)`,
  ],
  apply: [
    addingUp(
      { eventTypes: countedTypes },
      {
        table: 'account_hourly_usage',
        key: [
          ...(['account_id', 'mode', 'hour', 'key_id', 'endpoint'] as const),
          ...(['model', 'outcome', 'reason', 'shard'] as const),
        ],
        sums: ['calls', 'errors', 'credits', 'quantity'],
        rows: `select account_id, mode, ${hourOfEvent}, key_id, endpoint,
         case type when 'HoldSettled' then coalesce(left(payload ->> 'by', 100), '') else '' end,
         ${outcomeOfEvent}, ${reasonOfEvent}, shard,
         total(${callsOfEvent}), total(${errorsOfEvent}), total(${chargedOfEvent}),
         total(case when type = 'HoldSettled' or type = 'CallsCounted' then quantity else 0 end)
       from batch
       where ${isCountedCall}
       group by 1, 2, 3, 4, 5, 6, 7, 8, 9`,
        order: 'account_id collate "C", 3',
      },
    ),
  ],
}
