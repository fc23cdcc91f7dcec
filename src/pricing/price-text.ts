/** What a call costs, in words for its customers. */
import { kindOf, type PriceRule } from './price-rule.ts'
import type { PricedRoute } from './priced-route.ts'
import { chargeConditionText } from './text-parts.ts'

/** A route's price, and which of its responses are not charged, in a few sentences. Markdown. */
export function priceText({
  price,
  chargeWhen,
}: Pick<PricedRoute, 'price' | 'chargeWhen'>): string {
  const text = kindOf(price).text(price)
  if (chargeWhen === undefined || price.per === 'free') return text
  return `${text} ${chargeConditionText(chargeWhen)}`
}

/** A price in a few words, for tables. */
export function shortPriceText(rule: PriceRule): string {
  return kindOf(rule).shortText(rule)
}
