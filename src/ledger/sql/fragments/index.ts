/** Questions that several SQL functions ask, as text that each of them has in it: a call would cost every one of them. */
import { maxAmount, maxPayloadBytes, maxTariffBytes } from '../../../../events/bounds.ts'
import { fillIn } from '../fill-in.ts'
import brokenRuleText from './broken_rule.sql' with { type: 'text' }
import liveLotsText from './live_lots.sql' with { type: 'text' }
import moveHeadText from './move_head.sql' with { type: 'text' }
import tariffInForceText from './tariff_in_force.sql' with { type: 'text' }

/** The name of the rule of the log that a row of `events` breaks; null: of none. */
export const brokenRule = fillIn(brokenRuleText, {
  max_amount: String(maxAmount),
  max_payload_bytes: String(maxPayloadBytes),
  max_tariff_bytes: String(maxTariffBytes),
})

/** The arguments are SQL expressions. @param of.more columns beside its hash */
export const tariffInForce = (of: {
  readonly shard: string
  readonly time: string
  readonly more?: string
}): string => fillIn(tariffInForceText, { more: '', ...of })

/** Lots that credits can be drawn from, by expiry and position; those of the lowest rank are drawn first. */
export const liveLots = (of: {
  readonly shard: string
  readonly account: string
  readonly mode: string
  readonly time: string
}): string => fillIn(liveLotsText, of)

/** The shard's head at its new last position; gives the event hash there, and where the partition of the position before ends. */
export const moveHead = (of: {
  readonly shard: string
  readonly position: string
  readonly time: string
  readonly hash: string
}): string => fillIn(moveHeadText, of)
