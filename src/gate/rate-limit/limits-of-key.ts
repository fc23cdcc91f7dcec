import type { Plan, Route } from '../../config/config.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import type { RateLimit } from './rate-limiter.ts'

/** The rate limits of a key's calls: the account's, and the key's own where that is narrower. */
export function limitsOfKey(key: KeyRecord, plan: Plan): RateLimit[] {
  const account = { key: tagOf(key), limit: key.accountRateLimit ?? plan.rateLimit }
  return withOwnLimit(key, { ...account, windowMs: plan.windowMs })
}

/**
 * The same for calls of a route, which may have a limit of its own instead of the account's. The key's own holds all the
 * same: it is for all calls of the key. Empty: the route's calls count nowhere.
 */
export function limitsOfCall(
  key: KeyRecord,
  plan: Plan,
  { id, rateLimit }: Pick<Route, 'id' | 'rateLimit'>,
): RateLimit[] {
  if (rateLimit === undefined) return limitsOfKey(key, plan)
  if (rateLimit === 'free') return []
  const route = { key: `${tagOf(key)}:route:${id}`, limit: rateLimit }
  return withOwnLimit(key, { ...route, windowMs: plan.windowMs })
}

function withOwnLimit(key: KeyRecord, limit: RateLimit): RateLimit[] {
  if (key.keyRateLimit === null) return [limit]
  return [limit, { ...limit, key: `${tagOf(key)}:${key.keyId}`, limit: key.keyRateLimit }]
}

function tagOf({ accountId, mode }: KeyRecord): string {
  return `{${accountId}:${mode}}`
}
