/**
 * Whether a key may make a call. The key and its tariff come from caches, and a cache may be stale. That is
 * harmless for a priced call, because the ledger decides it again by the versions that the gate decided by. A
 * refusal, and a call that reserves nothing, are therefore never decided by a key read more than a second ago.
 */
import type { Route } from '../../config/config.ts'
import type { Tariff } from '../../config/tariff.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import { priceForPlan, pricingPlan } from '../../pricing/plan-prices.ts'
import { isFree, type PriceRule } from '../../pricing/price-rule.ts'
import type { Outcome } from '../outcome.ts'
import { priceMissing } from '../refusals.ts'
import { type KeyCache, ledgerTime } from './key-cache.ts'
import { refusalOfKey, refusalOfPermission } from './key-rules.ts'
import type { TariffCache } from './tariff-cache.ts'

export interface AuthorizeDeps {
  readonly keys: KeyCache
  readonly tariffs: TariffCache
  /** The client's address, proxies considered. It costs a system call, so it is read only for a key bound to addresses. */
  readonly ipOf: (request: Request) => string
}

/** A key that may be used, and the tariff it buys by. */
export interface AuthorizedKey {
  readonly keyHash: string
  readonly key: KeyRecord
  readonly tariff: Tariff
}

/** The same for a call of one route, with its price. */
export interface AuthorizedCall extends AuthorizedKey {
  readonly price: PriceRule
  /** The plan that prices it, where the plan has prices of its own. */
  readonly plan?: string | undefined
}

/** Nothing is refused, and no call that reserves nothing is admitted, by a key read longer ago. */
export const maxStalenessMs = 1_000

/** @param maxAgeMs how old the known key may be; a refusal reads the key again where it is older than a second */
export async function authorizeHash(
  deps: AuthorizeDeps,
  keyHash: string,
  permission: string | undefined,
  request: Request,
  maxAgeMs: number,
): Promise<Outcome<{ readonly authorized: AuthorizedKey }>> {
  let found = await lookUp(deps, keyHash, permission, request, maxAgeMs)
  if (found.refusal && performance.now() - found.cached.loadedAtMs > maxStalenessMs) {
    found = await lookUp(deps, keyHash, permission, request, maxStalenessMs)
  }
  const { key } = found
  if (found.refusal) return { ok: false, refusal: found.refusal, key }
  if (!key || !found.tariff) return { ok: false, refusal: priceMissing, key }
  return { ok: true, authorized: { keyHash, key, tariff: found.tariff } }
}

/** The same for a route: the key has its permission, and the tariff has its price. */
export async function authorizeCall(
  deps: AuthorizeDeps,
  keyHash: string,
  route: Route,
  request: Request,
  maxAgeMs: number,
): Promise<Outcome<{ readonly authorized: AuthorizedCall }>> {
  const outcome = await authorizeHash(deps, keyHash, route.permission, request, maxAgeMs)
  if (!outcome.ok) return outcome
  const { tariff, key } = outcome.authorized
  const plan = pricingPlan(tariff, key.plan)
  const price = plan === undefined ? tariff.prices[route.id] : priceForPlan(tariff, route.id, plan)
  const reserves = price && !isFree(price)
  if (!reserves && maxAgeMs > maxStalenessMs) {
    return authorizeCall(deps, keyHash, route, request, maxStalenessMs)
  }
  if (!price) return { ok: false, refusal: priceMissing, key }
  return { ok: true, authorized: { ...outcome.authorized, price, plan } }
}

async function lookUp(
  { keys, tariffs, ipOf }: AuthorizeDeps,
  keyHash: string,
  permission: string | undefined,
  request: Request,
  maxAgeMs: number,
) {
  const cached = keys.peek(keyHash, maxAgeMs) ?? (await keys.find(keyHash, maxAgeMs))
  const { record: key } = cached
  const tariff = key?.tariff && (tariffs.peek(key.tariff) ?? (await tariffs.find(key.tariff)))
  const plan = tariff && key ? tariff.plans[key.plan] : undefined
  const refusal =
    refusalOfKey(key, cached.allowedIps, () => ipOf(request), ledgerTime(cached)) ??
    (key && permission !== undefined ? refusalOfPermission(key, plan, permission) : undefined)
  return { cached, key, tariff: tariff || undefined, refusal }
}
