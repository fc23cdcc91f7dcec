/** Positions of a shard from one to another, both included. */
export interface PositionRange {
  readonly from: number
  readonly to: number
}

/** A range in pieces of at most so many positions, in their order. */
export function* positionRanges(
  { from, to }: PositionRange,
  maxPositions: number,
): Generator<PositionRange> {
  for (let start = from; start <= to; start += maxPositions) {
    yield { from: start, to: Math.min(start + maxPositions - 1, to) }
  }
}
