/** What is counted of a call: the most that it can use, and what it used. */

import type { Counted, Parts } from '../../events/counted.ts'
import { mapValues } from '../lib/map-values.ts'
import type { CallContent, RequestContent } from './price-kind.ts'
import {
  type Component,
  componentsOf,
  isFree,
  isList,
  isMeteredComponent,
  isPlain,
  kindOf,
  type PriceRule,
} from './price-rule.ts'
import { kindPrefix } from './priced-parts.ts'
import type { PricedRoute } from './priced-route.ts'
import { kindRatesOf, nameInTable, type RateFields } from './rate.ts'
import type { NumberSource } from './rules/per-quantity.ts'
import { requestTokens } from './rules/per-token.ts'
import { heldKinds, kindsInAll, kindsOf, sumOf, tokenKinds, withKinds } from './token-kinds.ts'

/** A price without a rate for the value that a request has at `by`, or for its absence. */
export interface UnknownRate {
  readonly by: NonNullable<RateFields['by']>
}

/** Why a request finds no rate in a price; undefined where it finds one. */
export function unknownRate(price: PriceRule, request: RequestContent): UnknownRate | undefined {
  if (isPlain(price)) return undefined
  const chooser = chooserOf(price)
  if (chooser?.by === undefined || nameInTable(chooser, request) !== undefined) return undefined
  return { by: chooser.by }
}

/**
 * The most that a call can use: what is held before it.
 *
 * @throws TypeError when the request lacks what is counted, or finds no rate
 */
export function boundOf(price: PriceRule, request: RequestContent): Counted {
  if (isPlain(price)) return { quantity: kindOf(price).holdQuantity(price, request) }
  const chooser = chooserOf(price)
  const by = chooser && nameInTable(chooser, request)
  if (chooser && by === undefined) throw new TypeError('the price has no rate for the request')
  const counted = countedBy(price, (component) => {
    const quantity = kindOf(component).holdQuantity(component, request)
    const rates = kindRatesOf(component, by)
    if (rates === undefined || component.per !== 'token') return quantity
    const ofRequest = requestTokens(component, request)
    return heldKinds(rates, ofRequest, quantity - ofRequest)
  })
  return by === undefined ? counted : { ...counted, by }
}

/** What a call used, for which so much was held. Where it is more, the response says so. */
export function usedOf(price: PriceRule, call: CallContent, held: Counted): Counted {
  if (isFree(price)) return { quantity: held.quantity }
  if (isPlain(price)) {
    return { quantity: kindOf(price).usedQuantity(price, call, held.quantity) }
  }
  const used = countedBy(price, (component, name) => {
    // Whoever meters tokens says how many there were.
    if (kindRatesOf(component, held.by)) return kindsOf(held, kindPrefix(name))
    const covered = name === undefined ? held.quantity : (held.parts?.[name] ?? 0)
    return kindOf(component).usedQuantity(component, call, covered)
  })
  return held.by === undefined ? used : { ...used, by: held.by }
}

/** All that a call of a route can use, whichever name its value finds. */
export function mostOf(
  price: PriceRule,
  by: string | undefined,
  maxQuantity: (component: Component) => number,
): Counted {
  const counted = countedBy(price, (component) => {
    const quantity = maxQuantity(component)
    const rates = kindRatesOf(component, by)
    if (rates === undefined || component.per !== 'token') return quantity
    return heldKinds(rates, quantity - component.hold.most, component.hold.most)
  })
  return by === undefined ? counted : { ...counted, by }
}

/** @param count a quantity, or the quantities of a component's kinds */
function countedBy(
  price: PriceRule,
  count: (component: Component, name: string | undefined) => number | Parts,
): Counted {
  if (isFree(price)) return { quantity: 1 }
  if (!isList(price)) {
    const counted = count(price, undefined)
    return typeof counted === 'number'
      ? { quantity: counted }
      : withKinds({ quantity: 0 }, kindPrefix(undefined), counted)
  }
  const metered = price.find(isMeteredComponent)
  let all: Counted = { quantity: 1, parts: {} }
  for (const component of price) {
    const counted = count(component, component.name)
    if (typeof counted !== 'number') {
      all = withKinds(all, kindPrefix(component.name), counted)
      continue
    }
    const quantity = component === metered ? counted : all.quantity
    all = { quantity, parts: { ...all.parts, [component.name]: counted } }
  }
  return all
}

function chooserOf(price: PriceRule): Component | undefined {
  return isFree(price) ? undefined : componentsOf(price).find(({ by }) => by !== undefined)
}

/** The same with so much of the component that is metered. */
export function withQuantity(price: PriceRule, counted: Counted, quantity: number): Counted {
  if (isPlain(price)) return { ...counted, quantity }
  const ofKinds = tokensByKind(price, counted.by)
  if (ofKinds) {
    const { rates, prefix } = ofKinds
    return withKinds(counted, prefix, kindsInAll(rates, kindsOf(counted, prefix), quantity))
  }
  if (!isList(price)) return { ...counted, quantity }
  const metered = price.find(isMeteredComponent)
  if (metered === undefined) return counted
  return { ...counted, quantity, parts: { ...counted.parts, [metered.name]: quantity } }
}

/** The same with so many tokens, which the response said by kind; without that, in all. */
export function withTokens(
  price: PriceRule,
  counted: Counted,
  tokens: number,
  kinds: Parts | undefined,
): Counted {
  const ofKinds = tokensByKind(price, counted.by)
  const isSaid = kinds !== undefined && sumOf(kinds, tokenKinds) === tokens
  return ofKinds && isSaid
    ? withKinds(counted, ofKinds.prefix, kinds)
    : withQuantity(price, counted, tokens)
}

/** The component of the price whose tokens have rates by kind. */
export function tokensByKind(price: PriceRule, by: string | undefined) {
  if (isPlain(price)) return undefined
  for (const component of componentsOf(price)) {
    const rates = component.per === 'token' ? kindRatesOf(component, by) : undefined
    const name = 'name' in component ? component.name : undefined
    if (rates) return { rates, prefix: kindPrefix(name as string | undefined) }
  }
  return undefined
}

/** Whether what was used is no more than what is covered, of each component. */
export function isCovered(used: Counted, covered: Counted): boolean {
  return (
    used.quantity <= covered.quantity &&
    Object.entries(used.parts ?? {}).every(([name, of]) => of <= (covered.parts?.[name] ?? 0))
  )
}

/** What was used as far as it is covered, of each component. */
export function capped(used: Counted, covered: Counted): Counted {
  return pairwise(used, covered, Math.min)
}

/** What covers both. */
export function covering(one: Counted, other: Counted): Counted {
  return pairwise(one, other, Math.max)
}

function pairwise(one: Counted, other: Counted, choose: (a: number, b: number) => number): Counted {
  const { parts } = one
  const chosen = parts && mapValues(parts, (of, name) => choose(of, other.parts?.[name] ?? 0))
  return {
    ...one,
    quantity: choose(one.quantity, other.quantity),
    ...(chosen && { parts: chosen }),
  }
}

/** The pointers into the request's body at which it stands what is counted, what chooses a rate, or whether a stream is. */
export function countedPointers({
  price,
  streams,
}: Pick<PricedRoute, 'price' | 'streams'>): string[] {
  const sources = componentsOf(price).flatMap((component) => [
    ...kindOf(component).countedIn(component),
    ...(component.by === undefined || component.by === 'method' ? [] : [component.by]),
  ])
  const asks = streams && streams.when !== 'always' ? [streams.when.pointer] : []
  const all = [...sources, ...asks]
  return all.filter((source) => typeof source === 'string')
}

/**
 * Whether the price of a call depends on its response, which then has to be read as JSON, to its end: by a component, or
 * by a pointer of the route's `chargeWhen`.
 */
export function readsResponse({
  price,
  chargeWhen,
}: Pick<PricedRoute, 'price' | 'chargeWhen'>): boolean {
  const isRead = isPlain(price)
    ? kindOf(price).readsJson(price)
    : componentsOf(price).some((component) => kindOf(component).readsJson(component))
  return isRead || (chargeWhen !== undefined && 'pointer' in chargeWhen)
}

/** Where the events of a stream, or a JSON response, say quantities of the price. */
export function numberSources(price: PriceRule): readonly NumberSource[] {
  return componentsOf(price).flatMap((component) =>
    component.per === 'quantity' && component.settle && 'number' in component.settle
      ? [component.settle]
      : [],
  )
}

/** Whether all that is read of a response can also be said by the events of a stream. */
export function isSaidInEvents({
  price,
  chargeWhen,
}: Pick<PricedRoute, 'price' | 'chargeWhen'>): boolean {
  if (chargeWhen !== undefined && 'pointer' in chargeWhen) return false
  const read = componentsOf(price).filter((component) => kindOf(component).readsJson(component))
  return read.length > 0 && read.length === numberSources(price).length
}
