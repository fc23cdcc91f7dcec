import type { Plan, Route } from '../../config/config.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import { countedLimits, firstLimit, type WrittenLimit } from '../../lib/rate-limits.ts'
import type { RateLimit } from './rate-limiter.ts'
import { tokenLimitName } from './rate-limits.ts'

/** The limits of a key's calls: those of the account, and the key's own where that is narrower. */
export function limitsOfKey(key: KeyRecord, plan: Plan): RateLimit[] {
  if (plan.rateLimits) {
    return withOwnLimit(key, plan, severalLimits(tagOf(key), plan.rateLimits, key.accountRateLimit))
  }
  const { limit, windowMs } = singleLimit(plan)
  return withOwnLimit(key, plan, [
    { key: tagOf(key), limit: key.accountRateLimit ?? limit, windowMs },
  ])
}

/**
 * The same for calls of a route, which may have limits of its own instead of the account's. The key's own holds all the
 * same: it is for all calls of the key. Empty: the route's calls count nowhere.
 */
export function limitsOfCall(
  key: KeyRecord,
  plan: Plan,
  { id, rateLimit, rateLimits }: Pick<Route, 'id' | 'rateLimit' | 'rateLimits'>,
): RateLimit[] {
  if (rateLimit === 'free') return []
  const name = () => `${tagOf(key)}:route:${id}`
  if (rateLimit !== undefined) {
    const { windowMs } = singleLimit(plan)
    return withOwnLimit(key, plan, [{ key: name(), limit: rateLimit, windowMs }])
  }
  return rateLimits?.some((limit) => 'calls' in limit)
    ? withOwnLimit(key, plan, severalLimits(name(), rateLimits, null))
    : limitsOfKey(key, plan)
}

/** The limits of tokens that hold for the calls of a route: its own, where it has some, else the account's. */
export function tokenLimitsOf(
  key: KeyRecord,
  plan: Plan,
  { id, rateLimit, rateLimits }: Pick<Route, 'id' | 'rateLimit' | 'rateLimits'>,
): RateLimit[] {
  if (rateLimit === 'free') return []
  return rateLimits?.some((limit) => 'tokens' in limit)
    ? tokenLimits(`${tagOf(key)}:route:${id}`, rateLimits)
    : accountTokenLimits(key, plan)
}

export function accountTokenLimits(key: KeyRecord, { rateLimits }: Plan): RateLimit[] {
  return rateLimits ? tokenLimits(tagOf(key), rateLimits) : []
}

function tokenLimits(key: string, written: readonly WrittenLimit[]): RateLimit[] {
  return countedLimits(written)
    .filter(({ counts }) => counts === 'tokens')
    .map(({ limit, windowMs, per }) => ({
      ...{ key: `${key}:tokens:${windowMs}`, limit, windowMs, name: tokenLimitName(per ?? '') },
    }))
}

/**
 * The first is counted as a single limit would be, so that what was counted stands when a plan gets more of them; the others
 * are counted under their spans.
 * @param own the account's own number of calls in the first span
 */
function severalLimits(
  key: string,
  written: readonly WrittenLimit[],
  own: number | null,
): RateLimit[] {
  const limits: RateLimit[] = []
  for (const { counts, limit, windowMs, per } of countedLimits(written)) {
    if (counts !== 'calls') continue
    limits.push(
      limits.length === 0
        ? { key, limit: own ?? limit, windowMs }
        : { key: `${key}:${windowMs}`, limit, windowMs, name: per },
    )
  }
  return limits
}

function withOwnLimit(key: KeyRecord, plan: Plan, limits: RateLimit[]): RateLimit[] {
  if (key.keyRateLimit === null) return limits
  const { windowMs } = singleLimit(plan)
  limits.push({ key: `${tagOf(key)}:${key.keyId}`, limit: key.keyRateLimit, windowMs })
  return limits
}

/** The one that an account or a route can replace, and a key narrow. */
function singleLimit(plan: Plan): { readonly limit: number; readonly windowMs: number } {
  const { rateLimit: limit, windowMs } = plan
  const first =
    limit === undefined || windowMs === undefined ? firstLimit(plan) : { limit, windowMs }
  if (!first) throw new TypeError('the plan has no rate limit')
  return first
}

function tagOf({ accountId, mode }: KeyRecord): string {
  return `{${accountId}:${mode}}`
}
