/**
 * Everyone's calls over time, by what became of them, with how long they took, for operators. From the hourly_usage projection, a few
 * seconds behind the log.
 */

import type { Mode } from '../../../events/event.ts'
import { latencyBounds } from '../../../projections/hourly-usage.ts'
import type { Sql } from '../../ledger/connect.ts'
import { addSums, type Sum } from '../../lib/sums.ts'
import { quantileOf } from './latency-quantile.ts'
import { type Span, stepsOf } from './steps-of.ts'

export interface HourlySeries {
  /** When each step begins, ISO 8601 in UTC. */
  readonly steps: readonly string[]
  readonly series: readonly {
    readonly outcome: string
    /** Of a failure or a refusal; empty otherwise. */
    readonly reason: string
    readonly calls: readonly Sum[]
  }[]
  /** What was charged, by step. */
  readonly credits: readonly Sum[]
  /** Milliseconds that half of the calls, and 99 of 100, took at most; null without calls whose latency is known. */
  readonly p50: readonly (number | null)[]
  readonly p99: readonly (number | null)[]
}

interface Row {
  readonly step: number
  readonly outcome: string
  readonly reason: string
  readonly calls: Sum
  readonly credits: Sum
  readonly within: readonly Sum[]
  readonly timed: Sum
}

export async function readHourlySeries(
  sql: Sql,
  query: Span & { readonly mode: Mode },
): Promise<HourlySeries> {
  const { steps, from, to, stepHours } = stepsOf(query)
  const within = latencyBounds.map((bound) => `coalesce(sum(h.within_${bound}_ms), 0)`).join(', ')
  // Errors of free and imported calls are failures, which no event gives a reason.
  const rows = await sql<Row[]>`
    with h as (
      select *, (extract(epoch from hour - ${from}::timestamptz) / 3600)::int / ${stepHours}::int as step
      from hourly_usage where hour >= ${from} and hour < ${to} and mode = ${query.mode}
    )
    select h.step, h.outcome, h.reason, sum(h.calls - h.errors) as calls, sum(h.credits) as credits,
      array[${sql.unsafe(within)}]::text[] as within, sum(h.timed) as timed
    from h group by 1, 2, 3
    union all
    select h.step, 'failed', '', sum(h.errors), 0, '{}', 0 from h group by 1 having sum(h.errors) > 0
    order by 1, 2, 3`
  return { steps, ...foldRows(rows, steps.length) }
}

function foldRows(rows: readonly Row[], count: number): Omit<HourlySeries, 'steps'> {
  const none = () => Array.from({ length: count }, (): Sum => 0)
  const series = new Map<string, { outcome: string; reason: string; calls: Sum[] }>()
  const credits = none()
  const times = Array.from({ length: count }, () => ({
    within: latencyBounds.map((): Sum => 0),
    timed: 0 as Sum,
  }))
  for (const { step, outcome, reason, ...row } of rows) {
    const name = `${outcome} ${reason}`
    const found = series.get(name) ?? { outcome, reason, calls: none() }
    series.set(name, found)
    found.calls[step] = addSums(found.calls[step] ?? 0, row.calls)
    credits[step] = addSums(credits[step] ?? 0, row.credits)
    const time = times[step]
    if (!time) continue
    time.timed = addSums(time.timed, row.timed)
    row.within.forEach((calls, i) => {
      time.within[i] = addSums(time.within[i] ?? 0, calls)
    })
  }
  const quantiles = (part: number) =>
    times.map(({ within, timed }) => quantileOf(part, within.map(Number), Number(timed)))
  return { series: [...series.values()], credits, p50: quantiles(0.5), p99: quantiles(0.99) }
}
