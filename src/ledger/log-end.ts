/** Whether a value that a file gave says where the log of a shard ends, so that its fields can be relied on. */
export function isLogEnd(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { shard, epoch, position, hash } = value as Record<string, unknown>
  return (
    isCount(shard) &&
    shard <= maxShard &&
    isCount(epoch) &&
    isCount(position) &&
    (hash === undefined || (typeof hash === 'string' && /^([0-9a-f]{2})*$/.test(hash)))
  )
}

/** What a smallint takes. */
const maxShard = 32_767

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
