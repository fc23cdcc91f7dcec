/** Tariffs by their hash. A tariff never changes under its hash, so one that was read once stays. */
import type { Tariff } from '../../config/tariff.ts'
import { awaitLedger } from '../../ledger/await-ledger.ts'
import type { Sql } from '../../ledger/connect.ts'
import { readTariff } from '../../ledger/read/read-tariffs.ts'

export interface TariffCache {
  /** @throws LedgerUnavailable when it has to be read and the ledger cannot be reached */
  find(hash: string): Promise<Tariff | undefined>
  peek(hash: string): Tariff | undefined
}

export function openTariffCache(sql: Sql, deadlineMs: number): TariffCache {
  const tariffs = new Map<string, Tariff>()
  return {
    peek: (hash) => tariffs.get(hash),
    async find(hash) {
      const known = tariffs.get(hash)
      if (known) return known
      const read = (await awaitLedger(deadlineMs, readTariff(sql, hash))) as Tariff | undefined
      if (read) tariffs.set(hash, read)
      return read
    },
  }
}
