/** What a recorded call costs under another price than that which it was charged by. */
import type { Counted } from '../../events/counted.ts'
import type { Sum } from '../lib/sums.ts'
import { withQuantity } from './counting.ts'
import { exactCredits } from './price-arithmetic.ts'
import { type Component, componentsOf, isList, type PriceRule } from './price-rule.ts'
import { valuesOf } from './priced-parts.ts'
import { otherwise } from './rate.ts'
import { tieredPart } from './tiered-part.ts'
import { tieredCredits } from './tiers.ts'
import { hasKindRates } from './token-kinds.ts'

/**
 * The components are matched by their names, and count the same; a price of one component matches one. A call is always one
 * call. undefined where what the other price counts, or the value that it goes by, was not recorded.
 */
export function priceAgain(before: PriceRule, after: PriceRule, counted: Counted): Sum | undefined {
  const again = countedAgain(before, after, counted)
  return again && exactCredits(after, again)
}

/**
 * So many calls alike, one after the other, under a price with tiers: what they cost together, and how much of what has tiers they
 * count.
 * @param of.volume the month's before them
 */
export function priceTiersAgain(
  before: PriceRule,
  after: PriceRule,
  counted: Counted,
  { volume, calls }: { readonly volume: bigint; readonly calls: bigint },
): { readonly credits: bigint; readonly quantity: bigint } | undefined {
  const again = countedAgain(before, after, counted)
  const part = again && tieredPart(after, again)
  if (again === undefined || part === undefined) return undefined
  const ofOne = BigInt(part.quantity)
  const first = exactCredits(after, { ...again, volume: 0 })
  if (first === undefined) return undefined
  // What has no tiers costs each of them the same.
  const others = BigInt(first) - tieredCredits(part.tiers, 0n, ofOne)
  const quantity = ofOne * calls
  return { credits: others * calls + tieredCredits(part.tiers, volume, quantity), quantity }
}

/** What a recorded call counts under another price. */
function countedAgain(before: PriceRule, after: PriceRule, counted: Counted): Counted | undefined {
  const known = kindsByName(before)
  const isCounted = [...kindsByName(after)].every(
    ([name, counts]) =>
      counts === 'request' ||
      known.get(name) === counts ||
      // All tokens are counted where their kinds are.
      (name === undefined && counts === 'token' && known.get(name) === 'kinds'),
  )
  if (!isCounted) return undefined
  const by = nameUnder(before, after, counted.by)
  if (by === undefined && valuesOf(after).length > 0) return undefined
  // What is metered is counted by the quantity, also where only the hold says the rest.
  const { by: _, ...same } = withQuantity(before, counted, counted.quantity)
  return {
    ...same,
    // A price per request counts calls, whatever the other one counted.
    ...(!isList(after) && after.per === 'request' && { quantity: 1 }),
    ...(by !== undefined && { by }),
  }
}

/** What each component counts, by its name. */
function kindsByName(price: PriceRule): Map<string | undefined, Component['per'] | 'kinds'> {
  if (isList(price)) return new Map(price.map((of) => [of.name, countedIn(of)]))
  return new Map(componentsOf(price).map((of) => [undefined, countedIn(of)]))
}

function countedIn(component: Component): Component['per'] | 'kinds' {
  return component.per === 'token' && hasKindRates(component.perMillion) ? 'kinds' : component.per
}

/**
 * The name in the other price's tables of the value that found `by`. What found `else` may be a value that stands in
 * them by now, so it finds `else` again only where they have no new names.
 */
function nameUnder(
  before: PriceRule,
  after: PriceRule,
  by: string | undefined,
): string | undefined {
  const values = valuesOf(after)
  if (by === undefined) return undefined
  if (by !== otherwise) {
    return values.includes(by) ? by : values.find((value) => value === otherwise)
  }
  const known = valuesOf(before)
  return values.includes(otherwise) && values.every((value) => known.includes(value))
    ? by
    : undefined
}
