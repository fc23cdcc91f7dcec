/** Where a figure comes from: the positions of the events that it adds up. */
import { printPosition } from '../../../events/event.ts'

/** Printed positions (`shard-position`); `list` has all of them where they are few. */
export interface Positions {
  readonly count: number
  readonly first: string
  readonly last: string
  readonly list?: readonly string[]
}

/** Positions of one shard that are being counted. */
export interface PositionTally {
  count: number
  first: number
  last: number
  /** All of them, as long as they are few. */
  listed: number[]
}

/** More positions are not listed. */
export const maxListedPositions = 10

export function noPositions(): PositionTally {
  return { count: 0, first: 0, last: 0, listed: [] }
}

/** @param more positions of other events; `positions` may be null where there are more than are listed */
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
  if (tally.count <= maxListedPositions) tally.listed.push(...(more.positions ?? []))
}

export function printPositions(shard: number, tally: PositionTally): Positions {
  const print = (position: number) => printPosition({ shard, position })
  return {
    count: tally.count,
    first: print(tally.first),
    last: print(tally.last),
    ...(tally.count <= maxListedPositions
      ? { list: tally.listed.sort((a, b) => a - b).map(print) }
      : {}),
  }
}

/** `0-9 … 0-13`, or `0-9` of a single position. */
export function printPositionRange({ count, first, last }: Positions): string {
  return count === 1 ? first : `${first} … ${last}`
}
