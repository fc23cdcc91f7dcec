/** What a customer's program may do with the key that it shows: revoke it, and get back what did not arrive. */
import type { KeyCommands } from '../ledger/commands/key-commands.ts'
import type { KeyRecord } from '../ledger/read/read-key-by-hash.ts'
import { isUnavailable } from '../ledger/unavailable.ts'
import { type Refused, refused } from './decision.ts'
import { type Refunded, refundOf } from './manage-credits.ts'
import { sealDocument } from './seal-events.ts'

/** A key, and the hash of the secret that it was shown by. */
interface OwnKey {
  readonly keyHash: string
  readonly key: Pick<KeyRecord, 'shard' | 'keyId' | 'accountId' | 'accountSecret'>
}

/** Revokes the key for good. */
export async function revokeOwnKey(
  commands: KeyCommands,
  { keyHash: hash, key: { shard, keyId } }: OwnKey,
): Promise<{ readonly keyId: string } | Refused> {
  const revoke = () => commands.revoke({ shard, hash })
  // Nobody knows whether a command was executed whose connection died. It may be sent again.
  const verdict = await revoke().catch((error) => {
    if (!isUnavailable(error)) throw error
    return revoke()
  })
  return verdict === 'ok' ? { keyId } : refused('key_unknown')
}

/** Refunds a charge of the key's account whose response may not have arrived. The ledger refuses every other. */
export async function refundUndelivered(
  commands: KeyCommands,
  { keyHash: hash, key: { shard, accountId, accountSecret } }: OwnKey,
  requestId: string,
): Promise<Refunded | Refused> {
  const reason = { reason: 'delivery unknown' }
  const { private: sealed } = sealDocument(accountSecret, accountId, reason)
  return refundOf(await commands.refundUndelivered({ shard, hash }, requestId, sealed), shard)
}
