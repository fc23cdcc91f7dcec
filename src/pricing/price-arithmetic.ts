/**
 * What a call costs. A quantity is counted (calls, items, characters, seconds, tokens or bytes: a non-negative safe
 * integer), and a rule makes credits of it. An upper bound is held before the call. After it the quantity used is
 * settled, as far as the hold covers it, whatever the upstream says; the rest is recorded as a shortfall.
 *
 * All functions are pure: a recorded quantity can be priced again, under the same rule or another.
 */
import { multiplySums, type Sum } from '../lib/sums.ts'
import type { CallContent, RequestContent } from './price-kind.ts'
import { kindOf, type MeteredPrice, type PriceRule } from './price-rule.ts'
import type { PricedRoute } from './priced-route.ts'

/**
 * The credits that a quantity costs: a started unit counts whole.
 *
 * @throws RangeError when the quantity is not a non-negative safe integer, or the credits are not a safe integer
 */
export function credits(rule: PriceRule, quantity: number): number {
  if (!Number.isSafeInteger(quantity) || quantity < 0) {
    throw new RangeError(`not a quantity: ${quantity}`)
  }
  const price = unitsOf(rule, quantity) * (rule.per === 'free' ? 0 : rule.credits)
  if (!Number.isSafeInteger(price)) throw new RangeError(`too many credits: ${price}`)
  return price
}

/** As `credits`, however many they are. */
export function exactCredits(rule: PriceRule, quantity: number): Sum {
  return multiplySums(unitsOf(rule, quantity), rule.per === 'free' ? 0 : rule.credits)
}

/** As `credits`, but no more than `most`, which is exact however many a quantity costs. */
export function creditsUpTo(rule: PriceRule, quantity: number, most: number): number {
  return Math.min(unitsOf(rule, quantity) * (rule.per === 'free' ? 0 : rule.credits), most)
}

function unitsOf(rule: PriceRule, quantity: number): number {
  if (!('unit' in rule)) return quantity
  // Not ceil(quantity / unit): that division is inexact for large integers.
  const rest = quantity % rule.unit
  return (quantity - rest) / rule.unit + (rest > 0 ? 1 : 0)
}

/** The largest quantity that so many credits buy. */
export function quantityFor(rule: MeteredPrice, credits: number): number {
  return Math.floor(credits / rule.credits) * rule.unit
}

/**
 * The most that a call can use: what is held before it.
 *
 * @throws TypeError when the request lacks what is counted
 */
export function holdQuantity(rule: PriceRule, request: RequestContent): number {
  return kindOf(rule).holdQuantity(rule, request)
}

/** The pointers into the request's body at which it stands what is counted, or whether a stream is. */
export function countedPointers({
  price,
  streams,
}: Pick<PricedRoute, 'price' | 'streams'>): string[] {
  const sources = [...kindOf(price).countedIn(price), ...(streams ? [streams.when.pointer] : [])]
  return sources.filter((source) => typeof source === 'string')
}

/** What a call used, whose hold was for the quantity `held`. Where it is more, the response says so. */
export function usedQuantity(rule: PriceRule, call: CallContent, held: number): number {
  return kindOf(rule).usedQuantity(rule, call, held)
}

/**
 * Whether the price of a call depends on its response, which then has to be read as JSON, to its end: by the field
 * `settle` of the rule, or by a pointer of the route's `chargeWhen`.
 */
export function readsResponse({
  price,
  chargeWhen,
}: Pick<PricedRoute, 'price' | 'chargeWhen'>): boolean {
  const settles = 'settle' in price && price.settle !== undefined
  return settles || (chargeWhen !== undefined && 'pointer' in chargeWhen)
}
