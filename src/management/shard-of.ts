/**
 * The shard in which an account is opened. It follows from the account's id, so two gateways that open the same
 * account at once agree.
 * @param shards how many there are: chosen by the first migration and never changed
 */
export function shardOf(accountId: string, shards: number): number {
  return new DataView(Bun.SHA256.hash(accountId).buffer).getUint32(0) % shards
}
