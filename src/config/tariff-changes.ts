/** What differs between two tariffs, field by field. */
import { canonicalJson } from '../../events/canonical-json.ts'
import type { Tariff } from './tariff.ts'

export interface TariffChange {
  /** `plans.pro.credits`, `prices.search` */
  readonly path: string
  /** undefined where there was none. */
  readonly before: unknown
  /** undefined where there will be none. */
  readonly after: unknown
}

/** A plan changes field by field. A price changes as a whole, for its parts mean nothing alone. */
export function tariffChanges(before: Tariff, after: Tariff): TariffChange[] {
  return [
    ...namesOf(before.plans, after.plans).flatMap((plan) => {
      const [from, to] = [before.plans[plan], after.plans[plan]]
      if (!from || !to) return [{ path: `plans.${plan}`, before: from, after: to }]
      return differences(`plans.${plan}`, { ...from }, { ...to })
    }),
    ...differences('prices', before.prices, after.prices),
  ]
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
