/** What a simulation reads of a shard's log. */
import type { Sql } from '../../ledger/connect.ts'
import type { LogEnd } from '../log-reader/log-end.ts'
import type { Micros } from '../log-reader/micros.ts'
import { positionAt } from '../log-reader/position-at.ts'
import { type PositionRange, positionRanges } from '../log-reader/position-ranges.ts'

export interface SimulationRange {
  readonly shard: number
  readonly period: { readonly start: Micros; readonly end: Micros }
  readonly end: LogEnd
  /** Called with the part of the range, up to 1, that was read. What it throws ends the reading. */
  readonly onRead?: (part: number) => void
}

const maxRangePositions = 200_000

/**
 * The positions from the period's beginning to the end of the log, in pieces: what resolves or refunds a hold of the
 * period may be recorded much later.
 */
export async function* rangesOf(
  sql: Sql,
  { shard, period, end, onRead }: SimulationRange,
): AsyncGenerator<PositionRange> {
  const from = await positionAt(sql, shard, new Date(period.start / 1_000))
  for (const range of positionRanges({ from, to: end.position }, maxRangePositions)) {
    yield range
    onRead?.((range.to - from + 1) / (end.position - from + 1))
  }
}

export function isInSpan(
  sql: Sql,
  time: ReturnType<Sql>,
  { start, end }: SimulationRange['period'],
) {
  return sql`${time} >= ${new Date(start / 1_000)} and ${time} < ${new Date(end / 1_000)}`
}
