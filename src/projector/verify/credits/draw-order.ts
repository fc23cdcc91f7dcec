/**
 * In which order credits are drawn from lots: the allowance, then what expires first, then the oldest, and overage last, while nothing is
 * owed. A lease draws in the reverse order, so that what expires first is still spent first.
 */
import type { Micros } from '../meaning/rare-events.ts'
import { type Lot, overageRank, type Purse } from './purse.ts'

export interface Draw {
  readonly time: Micros
  readonly credits: number
  /** From the last lot on. */
  readonly isReverse: boolean
  /** Only from lots that were granted before this position; undefined: from all. */
  readonly before: number | undefined
  /** Whether overage is drawn on, too. */
  readonly withOverage: boolean
}

/** What is drawn, lot by lot. Without enough that is free it is less than was asked for. */
interface Drawn {
  readonly lots: readonly number[]
  readonly credits: readonly number[]
}

/** Whether these credits of these lots are what is drawn in order. */
export function isDrawnInOrder(
  purse: Purse,
  draw: Draw,
  lots: readonly number[],
  credits: readonly number[],
): boolean {
  let next = 0
  let left = draw.credits
  dropEnded(purse, draw.time)
  const { lots: listed } = purse
  for (let i = 0; i < listed.length && left > 0; i++) {
    const lot = listed[draw.isReverse ? listed.length - 1 - i : i] as Lot
    if (!isGood(lot, draw)) continue
    const taken = Math.min(lot.free, left)
    if (lots[next] !== lot.lot || credits[next] !== taken) return false
    left -= taken
    next++
  }
  return left === 0 && next === lots.length
}

/** What is drawn in order. */
export function drawInOrder(purse: Purse, draw: Draw): Drawn {
  const lots: number[] = []
  const credits: number[] = []
  let left = draw.credits
  for (const lot of draw.isReverse ? purse.lots.toReversed() : purse.lots) {
    if (left <= 0) break
    if (!isGood(lot, draw)) continue
    const taken = Math.min(lot.free, left)
    lots.push(lot.lot)
    credits.push(taken)
    left -= taken
  }
  return { lots, credits }
}

/** What is free of the lots that can be drawn on, but overage: what repays a debt. */
export function freeCredits(purse: Purse, time: Micros): number {
  let sum = 0
  for (const lot of purse.lots)
    if (isGood(lot, { time, before: undefined, withOverage: false })) sum += lot.free
  return sum
}

function isGood(
  lot: Lot,
  { time, before, withOverage }: Pick<Draw, 'time' | 'before' | 'withOverage'>,
): boolean {
  if (lot.rank === overageRank && !withOverage) return false
  return lot.startsAt <= time && time < lot.expiresAt && (before === undefined || lot.lot < before)
}

/** Lots that are over are never drawn on again; most stand at the beginning. */
function dropEnded({ lots }: Purse, time: Micros): void {
  while (lots[0] && lots[0].expiresAt <= time) (lots.shift() as Lot).listed = false
}
