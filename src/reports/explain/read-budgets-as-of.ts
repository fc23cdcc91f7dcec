/** What a key's budgets were as of a position, added up from the events that name them. */
import type { NamedBudget } from '../../../events/budget.ts'
import type { Sql } from '../../ledger/connect.ts'
import { endOfBudgetSpan, startOfBudgetSpan } from '../../lib/calendar-span.ts'
import { addSums, type Sum, subtractSums } from '../../lib/sums.ts'
import { type AccountRange, readInRanges } from '../log-reader/read-in-ranges.ts'
import type { Moment } from './moment.ts'

export interface BudgetAsOf extends NamedBudget {
  /** ISO 8601 */
  readonly startsAt: string
  readonly endsAt: string
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
  const lastMs = new Map<string, number>()
  for await (const spans of readInRanges(range, (piece) => readUse(sql, piece))) {
    for (const { name, startsAt, credits } of spans) {
      const span = `${name} ${startsAt}`
      used.set(span, addSums(used.get(span) ?? 0, credits))
      lastMs.set(name, Math.max(lastMs.get(name) ?? 0, Date.parse(startsAt)))
    }
  }
  return budgets.map((budget) => {
    const { name, per, timeZone } = budget
    const startMs = startOfBudgetSpan(per, timeZone, lastMs.get(name), Math.floor(now / 1_000))
    const [startsAt, endsAt] = [
      isoSeconds(startMs),
      isoSeconds(endOfBudgetSpan(per, timeZone, startMs)),
    ]
    const sum = used.get(`${name} ${startsAt}`) ?? 0
    const left = Math.max(Number(subtractSums(budget.credits, sum)), 0)
    return { ...budget, startsAt, endsAt, used: sum, left }
  })
}

function isoSeconds(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('.000Z', 'Z')
}

function readUse(
  sql: Sql,
  { accountId, shard, mode, from, to }: AccountRange,
): Promise<{ name: string; startsAt: string; credits: Sum }[]> {
  return sql<{ name: string; startsAt: string; credits: Sum }[]>`
    select named.key as name, named.value as "startsAt", sum(case type
        when 'ChargeRefunded' then -credits
        else coalesce((select sum(h) from unnest(held) h), 0) + case type when 'HoldSettled' then credits else 0 end
      end) as credits
    from events, json_each_text(payload -> 'budgets') named
    where account_id = ${accountId} and shard = ${shard} and mode = ${mode} and position between ${from} and ${to}
      and stream_version is null and strpos(payload::text, '"budgets"') > 0
    group by 1, 2`
}
