/** What differs between two tariffs, field by field. */
import { canonicalJson } from '../../events/canonical-json.ts'
import { isList, type NamedComponent, type PriceRule } from '../pricing/price-rule.ts'
import type { Tariff } from './tariff.ts'

export interface TariffChange {
  /** `plans.pro.credits`, `prices.search` */
  readonly path: string
  /** undefined where there was none. */
  readonly before: unknown
  /** undefined where there will be none. */
  readonly after: unknown
}

/** A plan changes field by field, and a price of several components by component: nothing less means anything alone. */
export function tariffChanges(before: Tariff, after: Tariff): TariffChange[] {
  return [
    ...namesOf(before.plans, after.plans).flatMap((plan) => {
      const [from, to] = [before.plans[plan], after.plans[plan]]
      if (!from || !to) return [{ path: `plans.${plan}`, before: from, after: to }]
      const { prices = {}, ...fields } = from
      const { prices: next = {}, ...others } = to
      return [
        ...differences(`plans.${plan}`, fields, others),
        ...namesOf(prices, next).flatMap((route) =>
          priceChanges(`plans.${plan}.prices.${route}`, prices[route], next[route]),
        ),
      ]
    }),
    ...namesOf(before.prices, after.prices).flatMap((route) =>
      priceChanges(`prices.${route}`, before.prices[route], after.prices[route]),
    ),
    ...differences('packs', { ...before.packs }, { ...after.packs }),
  ]
}

function priceChanges(
  path: string,
  before: PriceRule | undefined,
  after: PriceRule | undefined,
): TariffChange[] {
  if (before && after && isList(before) && isList(after)) {
    return differences(path, byName(before), byName(after))
  }
  return text(before) === text(after) ? [] : [{ path, before, after }]
}

function byName(components: readonly NamedComponent[]): Fields {
  return Object.fromEntries(components.map(({ name, ...component }) => [name, component]))
}

type Fields = Readonly<Record<string, unknown>>

function differences(path: string, before: Fields, after: Fields): TariffChange[] {
  return namesOf(before, after)
    .map((name) => ({ path: `${path}.${name}`, before: before[name], after: after[name] }))
    .filter((change) => text(change.before) !== text(change.after))
}

function text(value: unknown): string {
  return value === undefined ? '' : canonicalJson(value)
}

function namesOf(before: Fields, after: Fields): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
}
