/** What a question about a call has to say for its price. */
import type { Counted } from '../../events/counted.ts'
import type { PriceRule } from '../pricing/price-rule.ts'
import { pricedParts, quantityOf, valuesOf } from '../pricing/priced-parts.ts'

/** Why a call that counts this has no price, or does not mean it, as a sentence; undefined where nothing is wrong. */
export function unpricedCall(price: PriceRule, counted: Counted): string | undefined {
  const values = valuesOf(price)
  const listed = values.join(', ')
  if (counted.by !== undefined && !values.includes(counted.by)) {
    return values.length === 0
      ? 'its price has no rates by a value: leave --by out.'
      : `its price has no rate for ${counted.by}: --by takes one of ${listed}.`
  }
  const parts = pricedParts(price, counted.by)
  if (parts === undefined) return `its price has a rate for each of ${listed}: pass one as --by.`
  const names = parts.flatMap(({ name }) => name ?? [])
  const unknown = Object.keys(counted.parts ?? {}).find((name) => !names.includes(name))
  if (unknown !== undefined) {
    return names.length === 0
      ? 'its price has no components with names: pass a quantity alone, as --quantity 3.'
      : `its price has no component ${unknown}, but ${names.join(', ')}.`
  }
  const missing = parts.filter((part) => quantityOf(part, counted) === undefined)
  if (missing.length === 0) return undefined
  return `its price has several components: pass --quantity ${missing.map(({ name }) => `${name}=N`).join(',')}, or --credits.`
}
