/** What every purchase tells the ledger of its key, so that the ledger can decide by the same. */
import type { KeyRecord } from '../../ledger/read/read-for-calls.ts'

/** Who buys, and the versions by which the gate decided that he may. */
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
