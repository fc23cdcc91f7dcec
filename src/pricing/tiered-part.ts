/** The one component of a price that has tiers. */
import type { Counted } from '../../events/counted.ts'
import { componentsOf, isPlain, type NamedComponent, type PriceRule } from './price-rule.ts'

/** The component of a price that has tiers, and how much of it a call counted; undefined without one, or where that is not recorded. */
export function tieredPart(price: PriceRule, { quantity, parts }: Counted) {
  const component = tieredComponent(price)
  if (component === undefined) return undefined
  const { tiers, name } = component
  const counted = name === undefined ? quantity : parts?.[name]
  return counted === undefined ? undefined : { tiers, name, quantity: counted }
}

export function tieredComponent(price: PriceRule) {
  if (isPlain(price)) return undefined
  const found = componentsOf(price).find(({ tiers }) => tiers !== undefined)
  if (found?.tiers === undefined) return undefined
  const { name } = found as Partial<NamedComponent>
  return { component: found, tiers: found.tiers, name }
}

/** Whether a price has a component with tiers, so that only the ledger knows what a call costs. */
export function hasTiers(price: PriceRule): boolean {
  return tieredComponent(price) !== undefined
}
