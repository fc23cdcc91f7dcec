/** Prices and plans, as customers and owners read them. */
import type { PublishedTariff } from '../../../ledger/read/read-tariffs.ts'
import { mapValues } from '../../../lib/map-values.ts'
import type { PriceRule } from '../../../pricing/price-rule.ts'
import { shortPriceText } from '../../../pricing/price-text.ts'
import { publicPrice } from '../../../pricing/public-price.ts'

export interface RouteAddress {
  readonly methods: readonly string[]
  /** With its parameters, as in `/v1/files/{id}`. */
  readonly path: string
}

/** @param tariffs the one in force first, then those that are announced */
export function pricesFrom(
  tariffs: readonly PublishedTariff[],
  routes: Readonly<Record<string, RouteAddress>>,
) {
  const [current, ...announced] = tariffs.map((tariff) => ({
    ...tariff,
    from: tariff.from.toISOString(),
    plans: mapValues(tariff.plans, (plan) =>
      plan.prices ? { ...plan, prices: publicPrices(plan.prices) } : plan,
    ),
    prices: publicPrices(tariff.prices),
    words: mapValues(tariff.prices, (price) =>
      shortPriceText(price as PriceRule, tariff.credits ?? undefined),
    ),
  }))
  return {
    ...(current && { current }),
    announced,
    routes: mapValues(routes, ({ methods, path }) => ({ methods: [...methods], path })),
  }
}

function publicPrices(prices: Readonly<Record<string, unknown>>): Record<string, PriceRule> {
  return mapValues(prices, (price) => publicPrice(price as PriceRule))
}
