/** An account's events, read in ranges of positions that are small enough for short-lived snapshots. */
import type { Mode } from '../../../events/event.ts'
import { type PositionRange, positionRanges } from './position-ranges.ts'

/** Events of an account at some positions. */
export interface AccountRange extends PositionRange {
  readonly shard: number
  readonly accountId: string
  /** Only events of this key. */
  readonly keyId?: string | undefined
  /** Only events of this mode, and those of the account as a whole, which have none. */
  readonly mode: Mode
}

/** A query over so many positions takes less than a second. */
const maxRangePositions = 250_000
/** Fewer positions are not worth a query of their own. */
const minRangePositions = 20_000
const concurrency = 2

/**
 * Splits a range into pieces of about one size and reads them, two at a time.
 * @returns the rows of two pieces after each other, in the order of the log
 */
export async function* readInRanges<Range extends AccountRange, Row>(
  range: Range,
  read: (piece: Range) => Promise<readonly Row[]>,
  maxPositions = maxRangePositions,
): AsyncGenerator<Row[]> {
  const positions = range.to - range.from + 1
  const rounds = Math.ceil(positions / (maxPositions * concurrency))
  const size = Math.max(
    Math.ceil(positions / (rounds * concurrency)),
    Math.min(minRangePositions, maxPositions),
  )
  for (const round of positionRanges(range, size * concurrency)) {
    const pieces = [...positionRanges(round, size)].map((piece) => ({ ...range, ...piece }))
    yield (await Promise.all(pieces.map(read))).flat()
  }
}
