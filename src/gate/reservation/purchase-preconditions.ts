import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'

/** Who buys, and the versions of key and account by which the gate decided. The ledger refuses other versions. */
export function purchasePreconditions(key: KeyRecord) {
  const { accountId, keyId, mode, keyVersion, accountVersion, previousUntil } = key
  const actor = `key:${keyId}`
  return {
    accountId,
    keyId,
    mode,
    actor,
    keyVersion,
    accountVersion,
    previousSecret: previousUntil !== null,
  }
}

/** How often the ledger is asked, each time by the key and tariff as they then are, before the call is refused. */
export const maxAttempts = 5
