/** How many tokens a call can use, and how many it used, whatever each of them costs: for limits of tokens. */
import type { Counted } from '../../events/counted.ts'
import { tokensByKind } from './counting.ts'
import type { RequestContent } from './price-kind.ts'
import { type Component, componentsOf, isList, type PriceRule } from './price-rule.ts'
import { maxTokensOf, type TokenPrice } from './rules/per-token.ts'
import { kindsOf, sumOf, tokenKinds } from './token-kinds.ts'

/** Of request and response together, a stream's too; undefined where the price counts no tokens. */
export function tokenBound(price: PriceRule, request: RequestContent): number | undefined {
  const component = tokenComponent(price)
  return component && maxTokensOf(component, request)
}

/** Of what was counted for a call. */
export function tokensIn(price: PriceRule, counted: Counted): number {
  const ofKinds = tokensByKind(price, counted.by)
  if (ofKinds) return sumOf(kindsOf(counted, ofKinds.prefix), tokenKinds)
  if (!isList(price)) return counted.quantity
  const named = price.find(isOfTokens)
  return named === undefined ? 0 : (counted.parts?.[named.name] ?? 0)
}

/** The component that counts tokens; undefined: none does. */
export function tokenComponent(price: PriceRule): TokenPrice | undefined {
  return componentsOf(price).find(isOfTokens)
}

function isOfTokens<C extends Component>(component: C): component is C & TokenPrice {
  return component.per === 'token'
}
