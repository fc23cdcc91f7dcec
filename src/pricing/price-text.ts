/** What a call costs, in words for its customers. */
import type { CreditScale } from '../lib/credit-scale.ts'
import { isFree, isList, kindOf, type PriceRule } from './price-rule.ts'
import type { PricedRoute } from './priced-route.ts'
import { chargeConditionText } from './text-parts.ts'

/**
 * A route's price, and which of its responses are not charged, in a few sentences. Markdown.
 * @param scale how credits are shown
 */
export function priceText(
  { price, chargeWhen }: Pick<PricedRoute, 'price' | 'chargeWhen'>,
  scale?: CreditScale,
): string {
  const text = isList(price)
    ? `The sum of these. ${price.map((component) => `${component.name}: ${componentText(component, scale)}`).join(' ')}`
    : componentText(price, scale)
  if (chargeWhen === undefined || isFree(price)) return text
  return `${text} ${chargeConditionText(chargeWhen)}`
}

function componentText(component: Parameters<typeof kindOf>[0], scale?: CreditScale): string {
  return kindOf(component).text(component, scale)
}

/** A price in a few words, for tables. */
export function shortPriceText(rule: PriceRule, scale?: CreditScale): string {
  if (!isList(rule)) return kindOf(rule).shortText(rule, scale)
  return rule.map((component) => kindOf(component).shortText(component, scale)).join(' + ')
}
