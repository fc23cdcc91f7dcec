/** What pricing needs to know of a route. */
import type { PriceableRoute } from './price-kind.ts'
import type { PriceRule } from './price-rule.ts'

export interface PricedRoute extends PriceableRoute {
  readonly price: PriceRule
}
