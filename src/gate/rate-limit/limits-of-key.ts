import type { Plan } from '../../config/config.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import type { RateLimit } from './rate-limiter.ts'

/** The rate limits of a key's calls: the account's, and the key's own where that is narrower. */
export function limitsOfKey(key: KeyRecord, plan: Plan): RateLimit[] {
  const tag = `{${key.accountId}:${key.mode}}`
  const { windowMs } = plan
  const limits = [{ key: tag, limit: key.accountRateLimit ?? plan.rateLimit, windowMs }]
  if (key.keyRateLimit !== null) {
    limits.push({ key: `${tag}:${key.keyId}`, limit: key.keyRateLimit, windowMs })
  }
  return limits
}
