/** Prices of a plan's own, which stand in for those of routes where its accounts call. */
import type { PriceRule } from './price-rule.ts'

/** What of a tariff says what a call costs. Prices are by the routes' ids, as they were published. */
export interface PricesByPlan {
  readonly plans: Readonly<Record<string, { readonly prices?: Readonly<Record<string, unknown>> }>>
  readonly prices: Readonly<Record<string, unknown>>
}

/** What a call of the route costs an account of the plan; undefined: the tariff does not say. @param plan null: none is known */
export function priceForPlan(
  tariff: PricesByPlan,
  route: string,
  plan: string | null | undefined,
): PriceRule | undefined {
  const own = ownPricesOf(tariff, plan)
  if (own && Object.hasOwn(own, route)) return own[route] as PriceRule
  return Object.hasOwn(tariff.prices, route) ? (tariff.prices[route] as PriceRule) : undefined
}

/**
 * The plan, where it has prices of its own. A purchase then names it, and the ledger refuses one that names another than the
 * plan in force. Plans without such prices charge alike, so they are not named.
 */
export function pricingPlan(
  tariff: Pick<PricesByPlan, 'plans'>,
  plan: string | null | undefined,
): string | undefined {
  return ownPricesOf(tariff, plan) === undefined ? undefined : (plan ?? undefined)
}

function ownPricesOf({ plans }: Pick<PricesByPlan, 'plans'>, plan: string | null | undefined) {
  return typeof plan === 'string' && Object.hasOwn(plans, plan) ? plans[plan]?.prices : undefined
}
