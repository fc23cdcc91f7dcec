/**
 * An account's events, counted in PostgreSQL. An account may have millions of calls in a month, and a process that read
 * them one by one would take half a minute.
 */
import { frequentTypes, resolvingTypes } from '../../../events/event-types.ts'
import type { Sql } from '../../ledger/connect.ts'
import type { Sum } from '../../lib/sums.ts'
import { maxListedPositions } from '../log-reader/position-tally.ts'
import { queryWithoutSort } from './query-without-sort.ts'
import { isInPeriodRange, type PeriodRange, timesOf } from './range-conditions.ts'

/** Events of one type, one endpoint and one bucket of time. */
export interface CallSum {
  /** 0 before the period, the number of a day of the period from 1 on, and one more after the period. */
  readonly bucket: number
  readonly endpoint: string | null
  readonly type: string
  readonly events: number
  /** How many of them end a hold. Calls on a lease do not: their lease ends once, for all of them. */
  readonly ends: number
  readonly quantity: Sum
  readonly credits: Sum
  readonly first: number
  readonly last: number
  /** All of them, where they are few or of a rare type. */
  readonly positions: readonly number[] | null
}

export function readCallSums(sql: Sql, range: PeriodRange): Promise<CallSum[]> {
  const { days, end } = range.period
  const bounds = timesOf(sql, [...days.map(({ start }) => start), end])
  return queryWithoutSort<CallSum>(
    sql,
    sql`
    select width_bucket(occurred_at, (select ${bounds})) as bucket, endpoint, type, count(*) as events,
      count(held) filter (where type = any(${sql.array([...resolvingTypes], 1009)})) as ends,
      total(quantity)::numeric as quantity, total(credits)::numeric as credits,
      min(position) as first, max(position) as last,
      case when count(*) <= ${maxListedPositions} or type <> all(${sql.array([...frequentTypes], 1009)})
        then array_agg(position) end as positions
    from events
    where ${isInPeriodRange(sql, range)}
    group by 1, 2, 3`,
  )
}
