/** Which shard an account is opened in: by its id, so that two gateways opening it at once agree. */

/** `shards` is chosen at the first migration and never changes. */
export function shardOf(accountId: string, shards: number): number {
  return new DataView(Bun.SHA256.hash(accountId).buffer).getUint32(0) % shards
}
