/** Where a figure comes from: the positions of the events that it is the sum of. */
import { printPosition } from '../../../events/event.ts'

/** Printed positions (`shard-position`); `list` has all of them while they are few. */
export interface Positions {
  readonly count: number
  readonly first: string
  readonly last: string
  readonly list?: readonly string[]
}

/** Positions of one shard. */
export interface PositionTally {
  count: number
  first: number
  last: number
  /** All of them, while they are few. */
  few: number[]
}

const fewAre = 10

export function noPositions(): PositionTally {
  return { count: 0, first: 0, last: 0, few: [] }
}

/** @param more of other events; `positions` need not be known where they are many */
export function addPositions(
  tally: PositionTally,
  more: {
    readonly count: number
    readonly first: number
    readonly last: number
    readonly positions: readonly number[] | null
  },
): void {
  tally.first = tally.count === 0 ? more.first : Math.min(tally.first, more.first)
  tally.last = Math.max(tally.last, more.last)
  tally.count += more.count
  if (tally.count <= fewAre) tally.few.push(...(more.positions ?? []))
}

export function printPositions(shard: number, tally: PositionTally): Positions {
  const print = (position: number) => printPosition({ shard, position })
  return {
    count: tally.count,
    first: print(tally.first),
    last: print(tally.last),
    ...(tally.count <= fewAre ? { list: tally.few.sort((a, b) => a - b).map(print) } : {}),
  }
}
