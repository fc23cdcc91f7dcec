import type { Sql } from '../../ledger/connect.ts'

/**
 * The first position of a shard that was recorded at this time or later; one after the last position when there is
 * none. Times never run backwards and positions have no gaps, so it is found by bisection, which reads about thirty
 * events.
 */
export async function positionAt(sql: Sql, shard: number, time: Date): Promise<number> {
  const [row] = await sql<{ position: number }[]>`
    with recursive search (low, high) as (
      select 1::bigint, h.position + 1 from heads h where h.shard = ${shard}
      union all
      select case when earlier then middle + 1 else low end, case when earlier then high else middle end
      from (
        select s.low, s.high, (s.low + s.high) / 2 as middle, coalesce((
          select e.recorded_at < ${time}::timestamptz from events e
          where e.shard = ${shard} and e.position = (s.low + s.high) / 2), true) as earlier
        from search s
        where s.low < s.high
      ) half
    )
    select low as position from search where low = high`
  return row?.position ?? 1
}
