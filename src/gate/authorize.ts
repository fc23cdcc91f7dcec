/** Whether a key may make a call, from what is known of it: pure decisions, no question asked. */
import type { Plan } from '../config/config.ts'
import type { KeyRecord } from '../ledger/read/read-for-calls.ts'
import { type Refusal, unknownKey } from '../problems/refusal.ts'
import { ipAllowed } from './client-ip.ts'
import type { RateLimit } from './rate-limit/rate-limiter.ts'

/** Whether the key may be used at all, from this address, at the ledger's time. undefined: it may. */
export function authorizeKey(
  key: KeyRecord | undefined,
  allowedIps: readonly string[],
  ip: () => string,
  ledgerTimeMs: number,
): Refusal | undefined {
  if (!key || key.revokedAt) return unknownKey
  if (key.previousUntil && key.previousUntil.getTime() <= ledgerTimeMs) return unknownKey
  if (!key.enabled) return { code: 'key_disabled', detail: 'This API key is disabled.' }
  if (key.expiresAt && key.expiresAt.getTime() <= ledgerTimeMs) {
    return { code: 'key_expired', detail: 'This API key has expired.' }
  }
  if (key.frozen) {
    return { code: 'account_frozen', detail: 'The account of this API key is frozen.' }
  }
  if (allowedIps.length > 0 && !ipAllowed(allowedIps, ip())) {
    return { code: 'ip_not_allowed', detail: 'This API key may not be used from your address.' }
  }
  return undefined
}

/** Whether plan and key both give a permission, such as `search`. undefined: they do. */
export function authorizePermission(
  key: KeyRecord,
  plan: Plan | undefined,
  permission: string,
): Refusal | undefined {
  const byPlan = plan && (plan.endpoints === 'all' || plan.endpoints.includes(permission))
  if (byPlan && (key.endpoints === null || key.endpoints.includes(permission))) return undefined
  return {
    code: 'endpoint_not_allowed',
    detail: `This API key may not use "${permission}" (plan ${key.plan}).`,
  }
}

/** The windows a call takes a place in: its account's, and the key's own where that is narrower. */
export function limitsOf(key: KeyRecord, plan: Plan): RateLimit[] {
  const tag = `{${key.accountId}:${key.mode}}`
  const { windowMs } = plan
  const limits = [{ key: tag, limit: key.accountRateLimit ?? plan.rateLimit, windowMs }]
  if (key.keyRateLimit !== null) {
    limits.push({ key: `${tag}:${key.keyId}`, limit: key.keyRateLimit, windowMs })
  }
  return limits
}
