import type { Config } from '../config/config.ts'
import { type Refused, refused } from './decision.ts'

/**
 * Refuses limits that a key cannot have: a rate above its account's, because a key can only narrow, and a
 * permission that no route has, because that is a typing error.
 * @param maxRateLimit the account's rate limit; undefined or null where the key's may exceed it
 */
export function checkKeyLimits(
  {
    rateLimit,
    endpoints,
  }: {
    readonly rateLimit?: number | null
    readonly endpoints?: readonly string[] | null
  },
  maxRateLimit: number | null | undefined,
  { routes }: Pick<Config, 'routes'>,
): Refused | undefined {
  if (exceedsAccount(rateLimit, maxRateLimit)) {
    return refused('exceeds_account', { field: 'rateLimit', expected: `at most ${maxRateLimit}` })
  }
  const permissions = [...new Set(Object.values(routes).map((route) => route.permission))]
  if (!endpoints || endpoints.every((name) => permissions.includes(name))) return undefined
  return refused('permission_unknown', { field: 'endpoints', expected: permissions.join(', ') })
}

function exceedsAccount(
  rateLimit: number | null | undefined,
  maxRateLimit: number | null | undefined,
): boolean {
  return rateLimit != null && maxRateLimit != null && rateLimit > maxRateLimit
}
