/** A price as customers see it: where its rates were taken from is the seller's, for it says the markup. */
import { type Component, isList, type PriceRule } from './price-rule.ts'

/** The price without what only its seller knows. */
export function publicPrice(price: PriceRule): PriceRule {
  if (isList(price)) return price.map(withoutCatalogue)
  return price.per === 'free' ? price : withoutCatalogue(price)
}

function withoutCatalogue<C extends Component>(component: C): C {
  if (component.per !== 'token') return component
  const { catalogue: _, ...rest } = component
  return rest as C
}
