/**
 * An account's usage over time as series: one for each of those that were charged most, and one for all others, so that what is
 * drawn stays small whatever an account has. From the account_hourly_usage projection, a few seconds behind the log.
 */
import type { Mode } from '../../../events/event.ts'
import type { Sql } from '../../ledger/connect.ts'
import { addSums, type Sum } from '../../lib/sums.ts'
import { type Span, stepsOf } from './steps-of.ts'

export const seriesGroups = ['all', 'key', 'route', 'model', 'outcome'] as const
export type SeriesGroup = (typeof seriesGroups)[number]

export interface SeriesQuery extends Span {
  readonly accountId: string
  readonly mode: Mode
  readonly group: SeriesGroup
  /** Of one key alone. */
  readonly keyId?: string | undefined
}

/** Each list has a figure for each step. */
interface Series {
  /** A key's id, a route's id, a model, or an outcome with its reason; null: all others. */
  readonly name: string | null
  /** Calls that passed the gate, failed ones included. */
  readonly calls: readonly Sum[]
  /** Those of them that failed, uncharged. */
  readonly failed: readonly Sum[]
  readonly refused: readonly Sum[]
  readonly credits: readonly Sum[]
}

export interface UsageSeries {
  /** When each step begins, ISO 8601 in UTC. */
  readonly steps: readonly string[]
  readonly series: readonly Series[]
  readonly total: {
    readonly calls: Sum
    readonly failed: Sum
    readonly refused: Sum
    readonly credits: Sum
  }
}

/** So many have a series of their own. */
const maxSeries = 8

interface Row {
  readonly name: string | null
  readonly step: number
  readonly calls: Sum
  readonly failed: Sum
  readonly refused: Sum
  readonly credits: Sum
}

const figures = ['calls', 'failed', 'refused', 'credits'] as const

export async function readUsageSeries(sql: Sql, query: SeriesQuery): Promise<UsageSeries> {
  const { accountId, mode, keyId, group } = query
  const { steps, from, to, stepHours } = stepsOf(query)
  const rows = await sql<Row[]>`
    with u as (
      select ${groupColumn(sql, group)} as name,
        (extract(epoch from u.hour - ${from}::timestamptz) / 3600)::int / ${stepHours}::int as step,
        sum(u.calls) filter (where u.outcome <> 'refused') as calls,
        sum(u.errors) + coalesce(sum(u.calls) filter (where u.outcome = 'failed'), 0) as failed,
        sum(u.calls) filter (where u.outcome = 'refused') as refused, sum(u.credits) as credits
      from account_hourly_usage u
      where u.account_id = ${accountId} and u.mode = ${mode} and u.hour >= ${from} and u.hour < ${to}
        ${keyId === undefined ? sql`` : sql`and u.key_id = ${keyId}`}
      group by 1, 2
    ), most as (
      select name from u group by name order by sum(credits) desc, sum(calls) desc nulls last, name limit ${maxSeries}
    )
    select m.name, u.step, coalesce(sum(u.calls), 0) as calls, coalesce(sum(u.failed), 0) as failed,
      coalesce(sum(u.refused), 0) as refused, coalesce(sum(u.credits), 0) as credits
    from u left join most m on m.name = u.name
    group by 1, 2
    order by 1 nulls last, 2`
  const total = Object.fromEntries(
    figures.map((figure) => [figure, addSums(...rows.map((row) => row[figure]))]),
  ) as unknown as UsageSeries['total']
  return { steps, series: seriesOf(rows, steps.length), total }
}

function groupColumn(sql: Sql, group: SeriesGroup) {
  switch (group) {
    case 'all':
      return sql`''`
    case 'key':
      return sql`u.key_id`
    case 'route':
      return sql`u.endpoint`
    case 'model':
      return sql`u.model`
    case 'outcome':
      return sql`u.outcome || case when u.reason = '' then '' else ': ' || u.reason end`
    default:
      return group satisfies never
  }
}

/** The one that was charged most comes first, and all others last. */
function seriesOf(rows: readonly Row[], steps: number): Series[] {
  const byName = new Map<string | null, Record<(typeof figures)[number], Sum[]>>()
  const none = () => Array.from({ length: steps }, (): Sum => 0)
  for (const row of rows) {
    const series = byName.get(row.name) ?? {
      ...{ calls: none(), failed: none(), refused: none(), credits: none() },
    }
    byName.set(row.name, series)
    for (const figure of figures) series[figure][row.step] = row[figure]
  }
  const weight = ({ name, credits, calls }: Series) =>
    name === null ? [-1, -1] : [Number(addSums(...credits)), Number(addSums(...calls))]
  return [...byName]
    .map(([name, series]) => ({ name, ...series }))
    .sort((a, b) => {
      const [[x = 0, y = 0], [v = 0, w = 0]] = [weight(b), weight(a)]
      return x - v || y - w
    })
}
