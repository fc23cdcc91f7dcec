/** The rules by which a key may make a call: pure decisions by what is known of the key. */
import type { Plan } from '../../config/config.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import { type Refusal, unknownKey } from '../../problems/refusal.ts'
import { ipAllowed } from './client-ip.ts'

/** Why the key may not be used at all, or not from this address, at the ledger's time. undefined: it may. */
export function refusalOfKey(
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

/** Why plan and key do not both give a permission, such as `search`. undefined: they do. */
export function refusalOfPermission(
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
