/**
 * Usage between two days, by one of its dimensions; over daily_usage, or over the log itself, which must give the
 * same answer. Hours stand in the log only. See usage.ts for what the figures count.
 */
import { countingTypes, usageTypes } from '../../../events/event-types.ts'
import { typeIn } from '../../../events/type-condition.ts'
import type { Sql } from '../../ledger/connect.ts'
import { readShards } from '../../ledger/read/read-shards.ts'
import { readLogEnd } from '../log-reader/log-end.ts'
import { positionAt } from '../log-reader/position-at.ts'
import type { Days, UsageFigures, UsageOf } from './usage.ts'

export const usageDimensions = ['key', 'owner', 'plan', 'endpoint', 'day', 'hour'] as const
type UsageDimension = (typeof usageDimensions)[number]

interface UsageQuery extends UsageOf, Days {
  readonly by: UsageDimension
  readonly over: 'log' | 'projection'
}

export interface UsageRow extends UsageFigures {
  /** A key's id, `user anna`, a plan (the one that the account is on now), an endpoint, `2026-01-31` or `2026-01-31 23:00` in UTC. */
  readonly name: string
  /** Errors by requests, 0 to 1. */
  readonly errorRate: number
  /** What the endpoint counts, where the rows are endpoints: other rows would add up what differs. */
  readonly quantity: number | null
}

/** Days, hours and endpoints in their order; of the others those that were charged most first. */
export async function readUsageBy(sql: Sql, question: UsageQuery): Promise<UsageRow[]> {
  const { by, over } = question
  const inLog = over === 'log' || by === 'hour'
  const sums = inLog ? await sumsOfLog(sql, question) : await sumsOfProjection(sql, question)
  const named = await namesOf(sql, by, inLog)
  const rows = [...merged(sums, named)].map(([name, sum]) => rowOf(name, sum, by))
  const inOrder = by === 'day' || by === 'hour' || by === 'endpoint'
  return rows.sort((a, b) => (inOrder ? 0 : b.credits - a.credits) || (a.name < b.name ? -1 : 1))
}

/** Of one value of the column that a dimension is made from. */
interface Sum {
  readonly name: string
  requests: number
  errors: number
  credits: number
  quantity: number
  latencyMsSum: number
}

const sumFields = ['requests', 'errors', 'credits', 'quantity', 'latencyMsSum'] as const

async function sumsOfProjection(sql: Sql, question: UsageQuery): Promise<Sum[]> {
  const { from, to, by } = question
  return sql<Sum[]>`
    select ${columnOf(sql, by)} as name, sum(d.requests)::bigint as requests, sum(d.errors)::bigint as errors,
      sum(d.credits)::bigint as credits, sum(d.quantity)::bigint as quantity,
      sum(d.latency_ms_sum)::bigint as "latencyMsSum"
    from daily_usage d
    where d.day between ${from}::date and ${to}::date and ${isOf(sql, question)}
    group by 1`
}

const rangeSize = 200_000

/** Range by range, from the first day on to the log's end: what was recorded later may be of these days. */
async function sumsOfLog(sql: Sql, question: UsageQuery): Promise<Sum[]> {
  const sums: Sum[] = []
  for (const shard of await readShards(sql)) {
    const end = await readLogEnd(sql, shard)
    const first = await positionAt(sql, shard, new Date(`${question.from}T00:00:00Z`))
    for (let from = first; from <= end.position; from += rangeSize) {
      const to = Math.min(from + rangeSize - 1, end.position)
      sums.push(...(await sumsOfRange(sql, question, { shard, from, to })))
    }
  }
  return [...merged(sums, (name) => name).values()]
}

function sumsOfRange(
  sql: Sql,
  question: UsageQuery,
  range: { readonly shard: number; readonly from: number; readonly to: number },
): Promise<Sum[]> {
  const counted = sql.unsafe(typeIn(countingTypes, 'd.type'))
  return sql<Sum[]>`
    select ${columnOf(sql, question.by)} as name,
      sum(case when ${counted} then quantity else 1 end)::bigint as requests,
      sum(case when ${counted} then (payload ->> 'errors')::bigint
        when type = 'HoldSettled' then 0 else 1 end)::bigint as errors,
      coalesce(sum(credits) filter (where type in ('HoldSettled', 'UsageImported')), 0)::bigint as credits,
      coalesce(sum(quantity) filter (where type in ('HoldSettled', 'CallsCounted')), 0)::bigint as quantity,
      coalesce(sum(case when ${counted} then (payload ->> 'latencyMsSum')::bigint
        else latency_ms end), 0)::bigint as "latencyMsSum"
    from (
      select *, (occurred_at at time zone 'UTC')::date as day,
        date_trunc('hour', occurred_at at time zone 'UTC') as hour
      from events
    ) d
    where d.shard = ${range.shard} and d.position between ${range.from} and ${range.to}
      and ${sql.unsafe(typeIn(usageTypes, 'd.type'))} and d.slots is null
      and d.day between ${question.from}::date and ${question.to}::date and ${isOf(sql, question)}
    group by 1`
}

/** The column of a dimension; owners and plans follow from the account. */
function columnOf(sql: Sql, by: UsageDimension) {
  switch (by) {
    case 'key':
      return sql`d.key_id`
    case 'owner':
    case 'plan':
      return sql`d.account_id`
    case 'endpoint':
      return sql`d.endpoint`
    case 'day':
      return sql`to_char(d.day, 'YYYY-MM-DD')`
    case 'hour':
      return sql`to_char(d.hour, 'YYYY-MM-DD HH24:MI')`
    default:
      return by satisfies never
  }
}

/** Everyone's, unless a key or an account is named; live mode unless a key or a mode asks for another. */
function isOf(sql: Sql, { keyId, accountId, mode = 'live' }: UsageOf) {
  if (keyId !== undefined) return sql`d.key_id = ${keyId}`
  const ofMode = sql`d.mode = ${mode}`
  return accountId === undefined ? ofMode : sql`d.account_id = ${accountId} and ${ofMode}`
}

/** How the values of the dimension's column are named. */
async function namesOf(
  sql: Sql,
  by: UsageDimension,
  inLog: boolean,
): Promise<(name: string) => string> {
  if (by !== 'owner' && by !== 'plan') return (name) => name
  const rows = await (by === 'owner' ? readOwners(sql, inLog) : readPlans(sql, inLog))
  const names = new Map(rows.map(({ accountId, name }) => [accountId, name]))
  return (accountId) => names.get(accountId) ?? ''
}

interface Named {
  readonly accountId: string
  readonly name: string
}

function readOwners(sql: Sql, inLog: boolean): Promise<Named[]> {
  return inLog
    ? sql<Named[]>`
        select account_id as "accountId",
          (payload #>> '{owner,kind}') || ' ' || (payload #>> '{owner,id}') as name
        from events where type = 'AccountOpened' and stream_version is not null`
    : sql<Named[]>`
        select account_id as "accountId", owner_kind || ' ' || owner_id as name from account_state`
}

function readPlans(sql: Sql, inLog: boolean): Promise<Named[]> {
  return inLog
    ? sql<Named[]>`
        select distinct on (account_id) account_id as "accountId", payload ->> 'plan' as name
        from events
        where type = 'PlanStarted' and stream_version is not null
          and (payload ->> 'from')::timestamptz <= ledger_now()
        order by account_id, position desc`
    : sql<Named[]>`
        select distinct on (account_id) account_id as "accountId", plan as name
        from account_plans
        where starts_at <= ledger_now()
        order by account_id, position desc`
}

function merged(sums: readonly Sum[], named: (name: string) => string): Map<string, Sum> {
  const byName = new Map<string, Sum>()
  for (const sum of sums) {
    const name = named(sum.name)
    const before = byName.get(name)
    if (!before) byName.set(name, { ...sum, name })
    else for (const field of sumFields) before[field] += sum[field]
  }
  return byName
}

function rowOf(name: string, sum: Sum, by: UsageDimension): UsageRow {
  const { requests, errors, credits, quantity, latencyMsSum } = sum
  return {
    ...{ name, requests, errors, credits },
    errorRate: requests === 0 ? 0 : errors / requests,
    avgLatencyMs: requests === 0 ? null : Math.round(latencyMsSum / requests),
    quantity: by === 'endpoint' ? quantity : null,
  }
}
