/** What pricing needs to know of a route. */
import type { Condition, PriceRule } from './price-rule.ts'

type Schema = Readonly<Record<string, unknown>>

export interface PricedRoute {
  readonly price: PriceRule
  /** A 2xx response for which this does not hold is not charged. */
  readonly chargeWhen?: Condition | undefined
  readonly request?: { readonly json: Schema } | { readonly multipart: { readonly file: string } }
  readonly response?: { readonly json: Schema } | { readonly binary: string }
  readonly streams?: { readonly when: Condition }
}
