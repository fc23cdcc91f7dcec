/** What reservations need, and for how long they are made. */
import type { Config, Route } from '../../config/config.ts'
import type { Appender } from '../../ledger/append/appender.ts'
import { isMetered, type PriceRule } from '../../pricing/price-rule.ts'
import type { AuthorizeDeps } from '../authorize/authorize.ts'
import type { LeaseManager } from './lease-manager.ts'

export interface ReserveDeps extends AuthorizeDeps {
  readonly config: Config
  readonly leases: LeaseManager
  readonly appenderOf: (shard: number) => Appender
  readonly log: (message: string, error?: unknown) => void
}

/** A key or tariff that changes faster than it can be read is refused for now. */
export const maxAttempts = 5

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
