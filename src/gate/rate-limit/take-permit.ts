/** Takes a call's permit under the rate limits of its account and key. */
import type { Route } from '../../config/config.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import { limitsText } from '../../lib/rate-limits.ts'
import type { Refusal } from '../../problems/refusal.ts'
import {
  type AuthorizeDeps,
  type AuthorizedKey,
  authorizeHash,
  maxStalenessMs,
} from '../authorize/authorize.ts'
import type { Outcome } from '../outcome.ts'
import { priceMissing } from '../refusals.ts'
import { limitsOfCall } from './limits-of-key.ts'
import type { ObservedRateLimit, Permit, RateLimiter } from './rate-limiter.ts'

/** Both are undefined for a call that counts in no rate limit. */
export interface Permitted {
  readonly permit: Permit | undefined
  readonly rateLimit: ObservedRateLimit | undefined
}

export interface PermitDeps extends AuthorizeDeps {
  readonly rateLimiter: RateLimiter
}

export async function takePermit(
  deps: PermitDeps,
  authorized: AuthorizedKey,
  request: Request,
  route: Route,
): Promise<Outcome<Permitted>> {
  const { keyHash, key, tariff } = authorized
  const plan = tariff.plans[key.plan]
  if (!plan) return { ok: false, refusal: priceMissing }
  const limits = limitsOfCall(key, plan, route)
  if (limits.length === 0) return { ok: true, permit: undefined, rateLimit: undefined }
  const decision = await deps.rateLimiter.takePermit(limits)
  const rateLimit = { ...decision.state, degraded: decision.degraded }
  if (decision.allowed) return { ok: true, permit: decision.permit, rateLimit }
  // The limit may come from a key read long ago: a plan that was just raised must not refuse.
  if (!deps.keys.peek(keyHash, maxStalenessMs)) {
    const again = await authorizeHash(deps, keyHash, undefined, request, maxStalenessMs)
    if (!again.ok) return again
    if (hasChanged(key, again.authorized.key)) {
      return takePermit(deps, again.authorized, request, route)
    }
  }
  const { limit, windowMs } = rateLimit
  const most = limitsText([{ counts: 'calls', limit, windowMs }])
  const detail = `At most ${most}; try again later.`
  const refusal: Refusal = { code: 'rate_limited', detail, extensions: { limit: most } }
  return { ok: false, rateLimit, refusal }
}

/** The rate limit as it stands when a call has returned its permit: one more passes at once. */
export function withPermitReturned(
  rateLimit: ObservedRateLimit | undefined,
): ObservedRateLimit | undefined {
  return rateLimit && { ...rateLimit, remaining: rateLimit.remaining + 1, resetMs: 0 }
}

/** Whether a key that is read again can be limited otherwise. */
export function hasChanged(known: KeyRecord, read: KeyRecord): boolean {
  return (
    known.keyVersion !== read.keyVersion ||
    known.accountVersion !== read.accountVersion ||
    known.plan !== read.plan ||
    known.tariff !== read.tariff
  )
}
