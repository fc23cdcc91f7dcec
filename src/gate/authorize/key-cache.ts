/**
 * What the gate knows of keys: a cache over the ledger, by the SHA-256 of the whole key.
 *
 * It may be stale, and that does no harm: a hold names the versions by which it was decided, and the ledger refuses other
 * versions. So an entry serves until the ledger contradicts it. Only a refusal, and a call that reserves nothing, need an
 * entry that is no older than a second. What changes by time alone (a plan that was announced) has no version, so an
 * entry ends when that time comes.
 */
import type { KeyPrivate } from '../../../events/key.ts'
import { awaitLedger } from '../../ledger/await-ledger.ts'
import type { Sql } from '../../ledger/connect.ts'
import { unseal } from '../../ledger/private-fields.ts'
import { type KeyRecord, type ReadKey, readKeyByHash } from '../../ledger/read/read-key-by-hash.ts'

interface CachedKey {
  /** undefined: no such key. */
  readonly record: KeyRecord | undefined
  readonly allowedIps: readonly string[]
  /** On the process's monotonic clock, in milliseconds. */
  readonly loadedAtMs: number
  /** On the ledger's clock, in Unix milliseconds. */
  readonly readAtMs: number
}

export interface KeyCache {
  /**
   * The key, from the cache when it is no older than `maxAgeMs`.
   * @throws LedgerUnavailable when it has to be read and the ledger cannot be reached
   */
  find(hash: string, maxAgeMs: number): Promise<CachedKey>
  /** The same where the cache has it; undefined otherwise. */
  peek(hash: string, maxAgeMs: number): CachedKey | undefined
  readonly size: number
}

/** The ledger's time now, in Unix milliseconds: its clock when the entry was read, and what passed since. */
export function ledgerTime({ readAtMs, loadedAtMs }: CachedKey): number {
  return readAtMs + (performance.now() - loadedAtMs)
}

const maxEntries = 200_000
/** Unknown keys are cached for a moment, so that a scan does not reach the ledger each time. */
const maxUnknownAgeMs = 1_000
/** Calls that need the same key at the same moment share one reading of it, for so long. */
const sharedReadMs = 25

export function openKeyCache(sql: Sql, deadlineMs: number): KeyCache {
  const entries = new Map<string, CachedKey>()
  const loading = new Map<
    string,
    { readonly read: Promise<CachedKey>; readonly begunAtMs: number }
  >()

  function peek(hash: string, maxAgeMs: number): CachedKey | undefined {
    const entry = entries.get(hash)
    if (!entry) return undefined
    const maxMs = entry.record ? maxAgeMs : Math.min(maxAgeMs, maxUnknownAgeMs)
    if (performance.now() - entry.loadedAtMs > maxMs) return undefined
    const planUntil = entry.record?.planUntil
    return planUntil && planUntil.getTime() <= ledgerTime(entry) ? undefined : entry
  }

  function find(hash: string, maxAgeMs: number): Promise<CachedKey> {
    const entry = peek(hash, maxAgeMs)
    if (entry) return Promise.resolve(entry)
    const running = loading.get(hash)
    // A result is as old as its query: one that was begun too long ago is not waited for.
    const begunAtMs = performance.now()
    if (running && begunAtMs - running.begunAtMs <= Math.max(maxAgeMs, sharedReadMs)) {
      return running.read
    }
    const load = {
      begunAtMs,
      read: read(hash, begunAtMs).finally(() => {
        if (loading.get(hash) === load) loading.delete(hash)
      }),
    }
    loading.set(hash, load)
    return load.read
  }

  async function read(hash: string, loadedAtMs: number): Promise<CachedKey> {
    const found = await awaitLedger(deadlineMs, readKeyByHash(sql, hash))
    const entry = {
      record: found && slim(found),
      allowedIps: found ? allowedIpsOf(found) : everywhere,
      loadedAtMs,
      readAtMs: found?.readAt.getTime() ?? Date.now(),
    }
    if ((entries.get(hash)?.loadedAtMs ?? 0) > loadedAtMs) return entry
    entries.delete(hash)
    entries.set(hash, entry)
    if (entries.size > maxEntries) entries.delete(entries.keys().next().value as string)
    return entry
  }

  return {
    find,
    peek,
    get size() {
      return entries.size
    },
  }
}

/** The record without what is needed only once, and with one copy of texts that many keys share: there may be many. */
function slim({ private: _, readAt: __, ...record }: ReadKey): KeyRecord {
  return {
    ...record,
    mode: shared(record.mode),
    plan: shared(record.plan),
    tariff: shared(record.tariff),
    accountSecret: record.accountSecret && Uint8Array.from(record.accountSecret),
  }
}

const texts = new Map<string, string>()

/** An equal text, the same one each time: modes, plans and tariffs are few. */
function shared<T extends string>(text: T): T {
  const known = texts.get(text)
  if (known === undefined) texts.set(text, text)
  return (known ?? text) as T
}

/** The list of a key that is bound to no address. */
const everywhere: readonly string[] = []
/** A list that no address is on. */
const nobody = ['-']

/** Where the key may be used from. A private document that cannot be read admits nobody. */
function allowedIpsOf({ accountSecret, accountId, private: sealed }: ReadKey): readonly string[] {
  if (sealed === null) return everywhere
  const { allowedIps = nobody } = unseal<KeyPrivate>(accountSecret, accountId, sealed) ?? {}
  return allowedIps.length > 0 ? allowedIps : everywhere
}
