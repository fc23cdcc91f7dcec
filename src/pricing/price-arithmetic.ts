/**
 * What a call costs. A quantity is counted (calls, items, characters, seconds, tokens or bytes: a non-negative safe
 * integer), of each component of the price, and the price makes credits of it. An upper bound is held before the call. After
 * it what was used is settled, as far as the hold covers it, whatever the upstream says; the rest is recorded as a shortfall.
 *
 * All functions are pure: a recorded call can be priced again, under the same price or another.
 */

import type { Counted } from '../../events/counted.ts'
import { type Sum, toSum } from '../lib/sums.ts'
import { capped, isCovered, tokensByKind, withQuantity } from './counting.ts'
import { isFree, isList, isPlain, type PriceRule } from './price-rule.ts'
import { pricedParts, quantityOf } from './priced-parts.ts'
import type { Rate } from './rate.ts'
import { hasTiers, tieredPart } from './tiered-part.ts'
import { mostOfTiers, type Tiers, tieredCredits } from './tiers.ts'
import {
  affordableKinds,
  costOfKinds,
  kindsOf,
  requestKinds,
  sumOf,
  withKinds,
} from './token-kinds.ts'

/** Proportional parts are added up in these. */
const millionth = 1_000_000n

/**
 * The credits that a call costs under a price, as counted: a started unit counts whole; what is proportional is added up and
 * rounded up once. Of a price with tiers it is the most that the call can cost.
 *
 * @throws RangeError when a quantity is not a non-negative safe integer, the price has no rate for the call, or the
 *   credits are not a safe integer
 */
export function credits(price: PriceRule, counted: Counted): number {
  const plain = plainCredits(price, counted)
  const cost = plain ?? Number(requirePriced(mostCredits(price, counted)))
  if (!Number.isSafeInteger(cost)) throw new RangeError(`too many credits: ${cost}`)
  return cost
}

/** As `credits`, but no more than `most`, which is exact however many a call costs. */
export function creditsUpTo(price: PriceRule, counted: Counted, most: number): number {
  const plain = plainCredits(price, counted)
  return Math.min(plain ?? Number(requirePriced(mostCredits(price, counted))), most)
}

/**
 * What the parts of a recorded call cost under a price, however many credits they are: the one function by which charges are
 * checked and priced again. undefined where the price counts something that was not recorded, or has no rate for the call.
 */
export function exactCredits(price: PriceRule, counted: Counted): Sum | undefined {
  const { volume } = counted
  return creditsWithTiers(price, counted, (tiers, quantity) =>
    volume === undefined ? undefined : tieredCredits(tiers, BigInt(volume), quantity),
  )
}

/** What is held for a call: of tiers, by the most expensive from the volume upward, or of all where that is not known. */
export function mostCredits(price: PriceRule, counted: Counted): Sum | undefined {
  const volume = BigInt(counted.volume ?? 0)
  return creditsWithTiers(price, counted, (tiers, quantity) => mostOfTiers(tiers, volume, quantity))
}

function creditsWithTiers(
  price: PriceRule,
  counted: Counted,
  ofTiers: (tiers: Tiers, quantity: bigint) => bigint | undefined,
): Sum | undefined {
  const cost = millionthsOf(price, counted)
  if (cost === undefined) return undefined
  const credits = (cost + millionth - 1n) / millionth
  if (!hasTiers(price)) return toSum(credits)
  const part = tieredPart(price, counted)
  const more = part && ofTiers(part.tiers, BigInt(part.quantity))
  return more === undefined ? undefined : toSum(credits + more)
}

/** The same before it is rounded, without what has tiers. */
function millionthsOf(price: PriceRule, counted: Counted): bigint | undefined {
  const parts = pricedParts(price, counted.by)
  if (parts === undefined) return undefined
  let cost = 0n
  for (const part of parts) {
    const quantity = quantityOf(part, counted)
    if (quantity === undefined) return undefined
    cost += millionthsAt(part.rate, quantity)
  }
  return cost
}

/**
 * What a quantity costs at a rate, in millionths of a credit.
 * @throws RangeError when it is not a non-negative safe integer
 */
export function millionthsAt(rate: Rate, quantity: number): bigint {
  requireQuantity(quantity)
  if ('perMillion' in rate) return BigInt(quantity) * BigInt(rate.perMillion)
  return BigInt(unitsOf(quantity, rate.unit)) * BigInt(rate.credits) * millionth
}

/** Most prices are of one rate, and every call is priced several times. undefined: this one takes more than a product. */
function plainCredits(price: PriceRule, { quantity }: Counted): number | undefined {
  if (isList(price)) return undefined
  requireQuantity(quantity)
  if (isFree(price)) return 0
  const { credits } = price
  if (typeof credits !== 'number') return undefined
  return 'unit' in price ? unitsOf(quantity, price.unit ?? 1) * credits : quantity * credits
}

function unitsOf(quantity: number, unit: number): number {
  // Not ceil(quantity / unit): that division is inexact for large integers.
  const rest = quantity % unit
  return (quantity - rest) / unit + (rest > 0 ? 1 : 0)
}

function requireQuantity(quantity: number): void {
  if (!Number.isSafeInteger(quantity) || quantity < 0) {
    throw new RangeError(`not a quantity: ${quantity}`)
  }
}

function requirePriced(cost: Sum | undefined): Sum {
  if (cost === undefined) throw new RangeError('the price has no rate for the call')
  return cost
}

/** How much of the metered component so many credits buy at most, beside what else was counted. */
export function quantityFor(price: PriceRule, counted: Counted, credits: number): number {
  const metered = pricedParts(price, counted.by)?.find(({ isMetered }) => isMetered)
  const ofKinds = tokensByKind(price, counted.by)
  // Of tokens by kind, those of the request are held already.
  const least = ofKinds ? sumOf(kindsOf(counted, ofKinds.prefix), requestKinds) : 0
  const rest = millionthsOf(price, withQuantity(price, counted, least))
  if (metered === undefined || rest === undefined) return 0
  const left = BigInt(credits) * millionth - rest
  if (left < 0n) return 0
  const { rate } = metered
  const [each, unit] =
    'perMillion' in rate
      ? [BigInt(rate.perMillion), 1]
      : [BigInt(rate.credits) * millionth, rate.unit]
  // What costs nothing is bought without an end.
  return each === 0n ? Number.MAX_SAFE_INTEGER : least + Number(left / each) * unit
}

/**
 * What of a call is charged, for which so much is covered: each component as far as it is, and of tokens by kind as many as
 * what is held for them buys, since nobody knew their kinds before.
 */
export function coveredPart(price: PriceRule, used: Counted, covered: Counted): Counted {
  if (isPlain(price) && used.quantity <= covered.quantity) return used
  const ofKinds = tokensByKind(price, covered.by)
  if (ofKinds === undefined) return isCovered(used, covered) ? used : capped(used, covered)
  const { rates, prefix } = ofKinds
  const held = costOfKinds(rates, kindsOf(covered, prefix))
  const kinds = affordableKinds(rates, kindsOf(used, prefix), held)
  return withKinds(capped(used, covered), prefix, kinds)
}

/** How much of the metered component has to be covered for what was used. */
export function quantityToCover(price: PriceRule, covered: Counted, used: Counted): number {
  const ofKinds = tokensByKind(price, covered.by)
  if (ofKinds === undefined || ofKinds.rates.output === 0) return used.quantity
  const { rates, prefix } = ofKinds
  const { output: _, reasoning: __, ...ofRequest } = kindsOf(covered, prefix)
  const more = costOfKinds(rates, kindsOf(used, prefix)) - costOfKinds(rates, ofRequest)
  const output = BigInt(rates.output)
  const tokens = more <= 0n ? 0n : (more + output - 1n) / output
  return sumOf(ofRequest, requestKinds) + Number(tokens)
}

/**
 * How much of the metered component, of the kinds that are held, costs what was charged: of tokens by kind as many as are not
 * dearer, so less than one token's price is left out.
 */
export function quantityAsHeld(price: PriceRule, covered: Counted, charged: Counted): number {
  const ofKinds = tokensByKind(price, covered.by)
  if (ofKinds === undefined) return charged.quantity
  const { rates, prefix } = ofKinds
  const { output: _, ...ofRequest } = kindsOf(covered, prefix)
  const requestTokens = sumOf(ofRequest, requestKinds)
  const requestCost = costOfKinds(rates, ofRequest)
  const cost = costOfKinds(rates, kindsOf(charged, prefix))
  if (cost < requestCost) return Number((BigInt(requestTokens) * cost) / requestCost)
  // What costs nothing is left out, too.
  if (rates.output === 0) return requestTokens
  return requestTokens + Number((cost - requestCost) / BigInt(rates.output))
}
