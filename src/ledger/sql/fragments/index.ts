/** Questions that several SQL functions ask, as text that each of them has in it: a call would cost every one of them. */
import { fillIn } from '../fill-in.ts'
import liveLotsText from './live_lots.sql' with { type: 'text' }
import planInForceText from './plan_in_force.sql' with { type: 'text' }
import tariffInForceText from './tariff_in_force.sql' with { type: 'text' }

/** The arguments are SQL expressions. */
export const tariffInForce = (of: { readonly shard: string; readonly time: string }): string =>
  fillIn(tariffInForceText, of)

export const planInForce = (of: {
  readonly shard: string
  readonly account: string
  readonly time: string
}): string => fillIn(planInForceText, of)

/** Lots that credits can be drawn from, by expiry and position; those of the lowest rank are drawn first. */
export const liveLots = (of: {
  readonly shard: string
  readonly account: string
  readonly mode: string
  readonly time: string
}): string => fillIn(liveLotsText, of)
