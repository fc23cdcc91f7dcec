/** Learns from the log which keys and accounts have changed, a few times a second, so that no lease outlives what it was granted by. */
import { awaitLedger } from '../../ledger/await-ledger.ts'
import type { Sql } from '../../ledger/connect.ts'
import { readChanges } from '../../ledger/read/read-changes.ts'

/** As long as a call waits for the ledger. What a slow reply says is as old as its question. */
const timeoutMs = 5_000

/**
 * A function that reads what has changed since it was last called, in all shards, and tells it: the accounts, each with the
 * position of its last change, or 'all' when that cannot be said, and when the ledger was asked.
 */
export function followChanges(
  sql: Sql,
  shards: readonly number[],
  onChanges: (changed: ReadonlyMap<string, number> | 'all', askedAtMs: number) => void,
): () => Promise<void> {
  /** Up to where the changes of each shard are known. */
  const known = new Map<number, { readonly position: number; readonly epoch: number }>()
  return async () => {
    const askedAtMs = performance.now()
    const changed = new Map<string, number>()
    let isUnclear = false
    for (const shard of shards) {
      const before = known.get(shard)
      const after = before?.position ?? Number.MAX_SAFE_INTEGER
      const changes = await awaitLedger(timeoutMs, readChanges(sql, shard, after))
      if (!changes) continue
      known.set(shard, changes)
      for (const change of Object.entries(changes.accounts)) changed.set(...change)
      // A log that was put back may have had other changes.
      const isOther = before?.epoch !== changes.epoch || changes.position < before.position
      isUnclear ||= isOther || changes.hasNewTariff
    }
    onChanges(isUnclear ? 'all' : changed, askedAtMs)
  }
}
