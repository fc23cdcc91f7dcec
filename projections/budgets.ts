/**
 * What counts in budgets, span by span: what calls hold and have settled, less refunds. Each event names the budgets that it counts in
 * and where their spans begin, so nothing here knows of time zones.
 */
import { drawingTypes } from '../events/event-types.ts'
import { typeIn } from '../events/type-condition.ts'
import { capUsingTypes, freedByCharge, freeingTypes } from './key-caps.ts'
import type { MappingStatement, Projection } from './projection.ts'

/** To search the payload's text for the word is faster than to look for a field that it lacks. */
export const namesBudgets = `strpos(payload::text, '"budgets"') > 0`
const isCounted = `${typeIn(capUsingTypes)} and ${namesBudgets}`

const countUse: MappingStatement = {
  eventTypes: capUsingTypes,
  condition: namesBudgets,
  sql: `insert into budget_use as u (account_id, mode, budget, starts_at, shard, used)
       select account_id, mode, span.key, span.value::timestamptz, shard, total(case
         when ${typeIn(drawingTypes)} then credits
         when ${typeIn(freeingTypes)} then -credits
         -- A charge's credits are not what its hold held, so it says in its own \`held\` what it frees.
         when type = 'HoldSettled' then credits + ${freedByCharge}
         when type = 'ChargeRefunded' then -credits
       end)
       from (
         select *, payload -> 'budgets' as spans from batch where ${isCounted}
       ) e, json_each_text(e.spans) span
       group by 1, 2, 3, 4, 5
       on conflict (account_id, mode, budget, starts_at, shard) do update set used = u.used + excluded.used`,
}

export const budgets: Projection = {
  name: 'budgets',
  version: 1,
  mode: 'inline',
  eventFilter: isCounted,
  tables: [
    `create table budget_use (
      account_id text not null,
      mode text not null,
      budget text not null,
      starts_at timestamptz not null,
      shard smallint not null,
      used numeric not null,
      primary key (account_id, mode, budget, starts_at, shard)
    ) with (fillfactor = 70)`,
  ],
  apply: [countUse],
}
