/** Usage added up by the column of a dimension, from the projection or from the log. */
import { servedTypes, usageTypes } from '../../../events/event-types.ts'
import { typeIn } from '../../../events/type-condition.ts'
import type { Sql } from '../../ledger/connect.ts'
import { readShards } from '../../ledger/read/read-shards.ts'
import { addSums, type Sum } from '../../lib/sums.ts'
import { readLogEnd } from '../log-reader/log-end.ts'
import { positionAt } from '../log-reader/position-at.ts'
import { type PositionRange, positionRanges } from '../log-reader/position-ranges.ts'
import { dimensionColumn, type UsageDimension } from './usage-dimensions.ts'
import type { Days, UsageOf } from './usage-figures.ts'

/** Everyone's usage, where it names neither a key nor an account. */
export interface DimensionQuery extends UsageOf, Days {
  readonly by: UsageDimension
}

/** The usage of one value of a dimension's column. */
export interface UsageSum {
  readonly name: string
  requests: Sum
  errors: Sum
  credits: Sum
  quantity: Sum
  latencyMsSum: Sum
}

const sumFields = ['requests', 'errors', 'credits', 'quantity', 'latencyMsSum'] as const

export async function readSumsOfProjection(sql: Sql, query: DimensionQuery): Promise<UsageSum[]> {
  const { from, to, by } = query
  return sql<UsageSum[]>`
    select ${dimensionColumn(sql, by)} as name, sum(d.requests) as requests, sum(d.errors) as errors,
      sum(d.credits) as credits, sum(d.quantity) as quantity,
      sum(d.latency_ms_sum) as "latencyMsSum"
    from daily_usage d
    where d.day between ${from}::date and ${to}::date and ${isOfQuery(sql, query)}
    group by 1`
}

const maxRangePositions = 200_000

/** Reads from the first day to the log's end: an event of these days may be recorded later. */
export async function readSumsOfLog(sql: Sql, query: DimensionQuery): Promise<UsageSum[]> {
  const sums: UsageSum[] = []
  for (const shard of await readShards(sql)) {
    const end = await readLogEnd(sql, shard)
    const first = await positionAt(sql, shard, new Date(`${query.from}T00:00:00Z`))
    const toEnd = { from: first, to: end.position }
    for (const range of positionRanges(toEnd, maxRangePositions)) {
      sums.push(...(await readSumsOfRange(sql, query, { shard, ...range })))
    }
  }
  return [...mergeSums(sums, (name) => name).values()]
}

function readSumsOfRange(
  sql: Sql,
  query: DimensionQuery,
  range: PositionRange & { readonly shard: number },
): Promise<UsageSum[]> {
  const counted = sql.unsafe(typeIn(servedTypes, 'd.type'))
  return sql<UsageSum[]>`
    select ${dimensionColumn(sql, query.by)} as name,
      sum(case when ${counted} then quantity else 1 end) as requests,
      sum(case when ${counted} then (payload ->> 'errors')::bigint
        when type = 'HoldSettled' then 0 else 1 end) as errors,
      coalesce(sum(credits) filter (where type in ('HoldSettled', 'UsageImported')), 0) as credits,
      coalesce(sum(quantity) filter (where type in ('HoldSettled', 'CallsCounted')), 0) as quantity,
      coalesce(sum(case when ${counted} then (payload ->> 'latencyMsSum')::bigint
        else latency_ms end), 0) as "latencyMsSum"
    from (
      select *, (occurred_at at time zone 'UTC')::date as day,
        date_trunc('hour', occurred_at at time zone 'UTC') as hour
      from events
    ) d
    where d.shard = ${range.shard} and d.position between ${range.from} and ${range.to}
      and ${sql.unsafe(typeIn(usageTypes, 'd.type'))} and d.slots is null
      and d.day between ${query.from}::date and ${query.to}::date and ${isOfQuery(sql, query)}
    group by 1`
}

/** Adds up the sums that have the same name. */
export function mergeSums(
  sums: readonly UsageSum[],
  nameOf: (value: string) => string,
): Map<string, UsageSum> {
  const byName = new Map<string, UsageSum>()
  for (const sum of sums) {
    const name = nameOf(sum.name)
    const before = byName.get(name)
    if (!before) byName.set(name, { ...sum, name })
    else for (const field of sumFields) before[field] = addSums(before[field], sum[field])
  }
  return byName
}

/** Live mode, unless a key or a mode is given. */
function isOfQuery(sql: Sql, { keyId, accountId, mode = 'live' }: UsageOf) {
  if (keyId !== undefined) return sql`d.key_id = ${keyId}`
  const ofMode = sql`d.mode = ${mode}`
  return accountId === undefined ? ofMode : sql`d.account_id = ${accountId} and ${ofMode}`
}
