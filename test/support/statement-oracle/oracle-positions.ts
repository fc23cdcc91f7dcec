/** Where a figure comes from: the positions of the events that it is the sum of. */
import { printPosition } from '../../../events/event.ts'

/** Printed positions (`shard-position`); `list` has all of them while they are few. */
export interface Positions {
  readonly count: number
  readonly first: string
  readonly last: string
  readonly list?: readonly string[]
}

/** Positions of one shard, noted in the order of the log. */
export interface PositionTally {
  count: number
  first: number
  last: number
  few: number[]
}

const fewAre = 10

export function noPositions(): PositionTally {
  return { count: 0, first: 0, last: 0, few: [] }
}

export function notePosition(tally: PositionTally, position: number): void {
  if (tally.count === 0) tally.first = position
  tally.last = position
  tally.count++
  if (tally.count <= fewAre) tally.few.push(position)
}

export function printPositions(shard: number, tally: PositionTally): Positions {
  const print = (position: number) => printPosition({ shard, position })
  return {
    count: tally.count,
    first: print(tally.first),
    last: print(tally.last),
    ...(tally.count <= fewAre ? { list: tally.few.map(print) } : {}),
  }
}
