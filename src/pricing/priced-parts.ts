/** A price taken apart: what is counted under which name, and at which rate. */
import type { Counted } from '../../events/counted.ts'
import {
  type Component,
  componentsOf,
  isList,
  isMeteredComponent,
  type PriceRule,
} from './price-rule.ts'
import { kindRatesOf, type Rate, rateOf, tableNames } from './rate.ts'
import type { Tiers } from './tiers.ts'
import { rateOfKind, tokenKinds } from './token-kinds.ts'

interface PricedPart {
  /** undefined: the price has this one part, and `quantity` counts it. */
  readonly name: string | undefined
  readonly per: Component['per']
  /** 0 where the component has tiers. */
  readonly rate: Rate
  readonly tiers?: Tiers
  /** A value of the request chose the rate. */
  readonly isByValue: boolean
  /** It is metered along the way. */
  readonly isMetered: boolean
  /** Of a kind of token: what stands before the kinds of its component, in the names of parts. */
  readonly kindsOf?: string
}

/** The parts of a price under a name of its table; undefined where it has no rate for it. A price of 0 has none. */
export function pricedParts(price: PriceRule, by: string | undefined): PricedPart[] | undefined {
  const parts: PricedPart[] = []
  const names = isList(price) ? price.map(({ name }) => name) : []
  for (const [index, component] of componentsOf(price).entries()) {
    const isByValue = component.by !== undefined
    const kinds = kindRatesOf(component, by)
    if (kinds) {
      const prefix = kindPrefix(names[index])
      for (const kind of tokenKinds) {
        const rate = { perMillion: rateOfKind(kinds, kind) }
        const of = { name: prefix + kind, per: component.per, rate, isByValue, kindsOf: prefix }
        parts.push({ ...of, isMetered: kind === 'output' })
      }
      continue
    }
    const { tiers } = component
    if (tiers !== undefined) {
      const of = { name: names[index], per: component.per, rate: { perMillion: 0 }, tiers }
      parts.push({ ...of, isByValue, isMetered: false })
      continue
    }
    const rate = rateOf(component, by)
    if (rate === undefined) return undefined
    const isMetered = isMeteredComponent(component)
    parts.push({ name: names[index], per: component.per, rate, isByValue, isMetered })
  }
  return parts
}

/** What stands before the kinds of a component, in the names of its parts. */
export function kindPrefix(name: string | undefined): string {
  return name === undefined ? '' : `${name}.`
}

/** How much of the part a call counted; undefined where that is not recorded. Every call is one call. */
export function quantityOf(
  { name, per, kindsOf }: PricedPart,
  { quantity, parts }: Counted,
): number | undefined {
  if (name === undefined) return quantity
  if (parts !== undefined && Object.hasOwn(parts, name)) return parts[name]
  // Of kinds, input is always recorded, and others where there were any.
  if (kindsOf !== undefined && parts && Object.hasOwn(parts, `${kindsOf}input`)) return 0
  return per === 'request' ? 1 : undefined
}

/** The names in the tables of a price; none where its rates depend on no value. */
export function valuesOf(price: PriceRule): string[] {
  return [...new Set(componentsOf(price).flatMap(tableNames))]
}
