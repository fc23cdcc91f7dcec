/** How long a hold lives, and how long a call can need it. */
import type { Config, Route } from '../../config/config.ts'
import { isMetered, type PriceRule } from '../../pricing/price-rule.ts'

/**
 * The hold outlives the upstream's time by a margin, so that a slow response still settles. A growing hold need not,
 * because it is kept alive.
 */
export function holdSeconds(config: Config, route: Route, price: PriceRule): number {
  if (isMetered(price)) return config.limits.holdSeconds
  return Math.max(config.limits.holdSeconds, maxCallSeconds(route))
}

/** How long a call can take until it is charged: its upstream's time, and a margin. */
export function maxCallSeconds({ timeoutMs }: Route): number {
  return Math.ceil(timeoutMs / 1_000) + 30
}
