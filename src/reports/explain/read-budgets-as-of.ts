/** What a key's budgets were as of a position, added up from the events that name them. */
import type { Budget } from '../../../events/budget.ts'
import type { Sql } from '../../ledger/connect.ts'
import { startOfSpan } from '../../lib/calendar-span.ts'
import { addSums, type Sum, subtractSums } from '../../lib/sums.ts'
import { type AccountRange, readInRanges } from '../log-reader/read-in-ranges.ts'
import type { Moment } from './moment.ts'

interface NamedBudget extends Budget {
  readonly name: string
}

export interface BudgetAsOf extends NamedBudget {
  /** ISO 8601 */
  readonly startsAt: string
  readonly used: Sum
  readonly left: number
}

export async function readBudgetsAsOf(
  sql: Sql,
  { accountId, mode }: Pick<AccountRange, 'accountId' | 'mode'>,
  budgets: readonly NamedBudget[],
  { shard, position, now }: Moment,
): Promise<BudgetAsOf[]> {
  if (budgets.length === 0) return []
  const range = { accountId, mode, shard, from: 1, to: position }
  const used = new Map<string, Sum>()
  for await (const spans of readInRanges(range, (piece) => readUse(sql, piece))) {
    for (const { span, credits } of spans) used.set(span, addSums(used.get(span) ?? 0, credits))
  }
  return budgets.map((budget) => {
    const startMs = startOfSpan(budget.per, budget.timeZone, Math.floor(now / 1_000))
    const startsAt = new Date(startMs).toISOString().replace('.000Z', 'Z')
    const sum = used.get(`${budget.name} ${startsAt}`) ?? 0
    const left = Math.max(Number(subtractSums(budget.credits, sum)), 0)
    return { ...budget, startsAt, used: sum, left }
  })
}

function readUse(
  sql: Sql,
  { accountId, shard, mode, from, to }: AccountRange,
): Promise<{ span: string; credits: Sum }[]> {
  return sql<{ span: string; credits: Sum }[]>`
    select named.key || ' ' || named.value as span, sum(case type
        when 'ChargeRefunded' then -credits
        else coalesce((select sum(h) from unnest(held) h), 0) + case type when 'HoldSettled' then credits else 0 end
      end) as credits
    from events, json_each_text(payload -> 'budgets') named
    where account_id = ${accountId} and shard = ${shard} and mode = ${mode} and position between ${from} and ${to}
      and stream_version is null and strpos(payload::text, '"budgets"') > 0
    group by 1`
}
