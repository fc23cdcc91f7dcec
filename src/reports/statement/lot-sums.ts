/** What moved an account's lots, added up in PostgreSQL. */
import type { Sql } from '../../ledger/connect.ts'
import type { Sum } from '../../lib/sums.ts'
import type { Micros } from '../log-reader/micros.ts'
import { queryWithoutSort } from './query-without-sort.ts'
import { isInPeriodRange, type PeriodRange, timesOf } from './range-conditions.ts'

/** 0: before the period, 1: in it, 2: after it. */
export type PeriodBucket = 0 | 1 | 2

/** How events of one type moved a lot. */
export interface LotSum {
  readonly lot: number
  readonly periodBucket: PeriodBucket
  readonly type: string
  /** null before the lot expired; otherwise the time of one transaction after it. */
  readonly lateAt: Micros | null
  readonly held: Sum
  readonly moved: Sum
  /** The events' positions, where they came late. */
  readonly positions: readonly number[] | null
}

/** @param expiries when lots expire, by lot */
export function readLotSums(
  sql: Sql,
  range: PeriodRange,
  expiries: ReadonlyMap<number, Micros>,
): Promise<LotSum[]> {
  const { start, end } = range.period
  const bucket = sql`width_bucket(occurred_at, (select ${timesOf(sql, [start, end])}))`
  const rows = isInPeriodRange(sql, range)
  // Nearly every event draws on one lot. Taking the first of each array costs a fourth of unnesting them.
  return queryWithoutSort<LotSum>(
    sql,
    sql`
    select e.lot, e.bucket as "periodBucket", e.type,
      case when e.recorded_at >= x.expires_at
        then (extract(epoch from e.recorded_at) * 1000000)::float8 end as "lateAt",
      total(e.held)::numeric as held, total(e.moved)::numeric as moved,
      array_agg(e.position) filter (where e.recorded_at >= x.expires_at) as positions
    from (
      select position, recorded_at, type, ${bucket} as bucket, lots[1] as lot,
        events.held[1] as held, events.moved[1] as moved
      from events where ${rows} and cardinality(lots) = 1
      union all
      select position, recorded_at, type, ${bucket}, u.lot, u.held, u.moved
      from events cross join lateral unnest(events.lots, events.held, events.moved) as u (lot, held, moved)
      where ${rows} and cardinality(lots) > 1
    ) e
    left join (
      select * from unnest(${sql.array([...expiries.keys()].map(String), 1016)}::bigint[],
        ${timesOf(sql, [...expiries.values()])}) as x (lot, expires_at)
    ) x on x.lot = e.lot
    group by 1, 2, 3, 4`,
  )
}
