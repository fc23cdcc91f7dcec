import type { Sql } from '../../ledger/connect.ts'
import { positionAt } from './position-at.ts'
import type { PositionRange } from './position-ranges.ts'

/** The months in which the events of a range were recorded, in UTC, each with its positions. */
export async function* monthRanges(
  sql: Sql,
  shard: number,
  { from, to }: PositionRange,
): AsyncGenerator<{ month: string; range: PositionRange }> {
  for (let at = from; at <= to; ) {
    const [event] = await sql<{ month: string }[]>`
      select to_char(recorded_at at time zone 'UTC', 'YYYY-MM') as month from events
      where shard = ${shard} and position = ${at}`
    if (!event) throw new Error(`shard ${shard} lacks the event at position ${at}`)
    const [year = 0, month = 0] = event.month.split('-').map(Number)
    const last = (await positionAt(sql, shard, new Date(Date.UTC(year, month, 1)))) - 1
    const range = { from: at, to: Math.min(last, to) }
    yield { month: event.month, range }
    at = range.to + 1
  }
}
