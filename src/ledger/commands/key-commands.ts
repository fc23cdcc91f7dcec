/** What a key may do by itself, shown by the hash of its secret. The ledger finds whose it is, and writes who did it. */
import type { HighWaterMarks } from '../append/high-water-marks.ts'
import type { Sql } from '../connect.ts'
import { refundDigest } from './command-digests.ts'
import { type ManagementReply, type ManagementResult, resultOf } from './management-commands.ts'
import { type CommandReply, openSender } from './sender.ts'

/** A key, by its secret. */
export interface ShownKey {
  readonly shard: number
  /** Hex SHA-256 of the whole secret. */
  readonly hash: string
}

export interface KeyCommands {
  /** Revokes the key for good. Sending it again changes nothing. */
  revoke(key: ShownKey): Promise<'ok' | 'no_such_key'>
  /**
   * Refunds a charge of the key's account whose response cannot arrive any more.
   * @param sealed an encrypted private document, such as the reason
   */
  refundUndelivered(
    key: ShownKey,
    requestId: string,
    sealed: Uint8Array | undefined,
  ): Promise<ManagementResult>
}

/** Both throw LedgerUnavailable where the ledger takes no command. */
export function openKeyCommands(sql: Sql, instance: string, marks?: HighWaterMarks): KeyCommands {
  const sender = openSender(instance, marks)
  return {
    async revoke({ shard, hash }) {
      const [row] = await sql<[{ result: CommandReply<'ok' | 'no_such_key'> }]>`
        select revoke_v1(${sender.ofShard(shard)}::text::jsonb, ${hash}) as result`
      return sender.accept(shard, row.result)
    },

    async refundUndelivered({ shard, hash }, requestId, sealed) {
      const [row] = await sql<[{ result: ManagementReply }]>`
        select refund_undelivered_v1(${sender.ofShard(shard)}::text::jsonb, ${hash}, ${requestId},
          ${refundDigest({ requestId })}, ${sealed ? Buffer.from(sealed) : null}) as result`
      return resultOf(sender, shard, row.result)
    },
  }
}
