/** What an import will do, decided before anything is written: no clock, no database. */
import type { Plans } from '../ledger/read/read-accounts.ts'
import type { KnownKey } from '../ledger/read/read-imported.ts'
import { accountIdOf, type Owner } from '../lib/ids.ts'
import type { OldKey } from './old-database.ts'
import {
  type Conflict,
  isConflict,
  ownerOf,
  type ReadKey,
  readOldKey,
  type Terms,
} from './read-old-key.ts'

/** A key that is not imported, and why. */
export interface LeftOut extends Conflict {
  readonly keyId: string
  readonly owner: string
}

/** The keys of one owner, who has one account. */
export interface AccountPart {
  readonly accountId: string
  readonly owner: Owner
  /** The most expensive plan of the keys that work; undefined where none does. */
  readonly plan: string | undefined
  /** The highest rate limit of a key that works. */
  readonly rateLimit: number
  /** Keys that are not in the ledger yet. */
  readonly newKeys: readonly ReadKey[]
  /** All keys, with those of earlier imports. */
  readonly keys: readonly ReadKey[]
}

export interface ImportPlan {
  readonly found: number
  readonly accounts: readonly AccountPart[]
  readonly leftOut: readonly LeftOut[]
  /** How many keys are in the ledger already. */
  readonly already: number
}

export function planImport(
  oldKeys: readonly OldKey[],
  known: readonly KnownKey[],
  plans: Plans,
  terms: Omit<Terms, 'plans'>,
): ImportPlan {
  const leftOut: LeftOut[] = []
  const read: ReadKey[] = []
  const leaveOut = (old: OldKey, conflict: Conflict) =>
    leftOut.push({ keyId: old.id, owner: oldOwnerText(old), ...conflict })

  const hashes = countBy(oldKeys, ({ hash }) => hash?.trim().toLowerCase() ?? '')
  const inLedger = indexKnownKeys(known)
  for (const old of oldKeys) {
    const key = readOldKey(old, { ...terms, plans: Object.keys(plans) })
    const conflict = isConflict(key)
      ? key
      : (((hashes.get(key.hash) ?? 0) > 1 ? sameKeyTwice : undefined) ?? inLedger.conflict(key))
    if (conflict || isConflict(key)) leaveOut(old, conflict ?? (key as Conflict))
    else read.push(key)
  }

  const byAccount = Map.groupBy(read, ({ owner }) => accountIdOf(owner))
  const accounts = [...byAccount].map(([accountId, keys]): AccountPart => {
    const usable = keys.filter((key) => key.usable)
    return {
      accountId,
      owner: (keys[0] as ReadKey).owner,
      plan: mostExpensivePlan(
        usable.map(({ tier }) => tier),
        plans,
      ),
      rateLimit: Math.max(0, ...usable.map((key) => key.rateLimit ?? 0)),
      newKeys: keys.filter(({ keyId }) => !inLedger.has(keyId)),
      keys,
    }
  })
  const already = read.filter(({ keyId }) => inLedger.has(keyId)).length
  return { found: oldKeys.length, accounts, leftOut, already }
}

const sameKeyTwice: Conflict = {
  problem: 'another of its keys has the same hash',
  advice: 'delete or change one of the two: nobody can say whose calls of that key are',
}

/** Compares keys with those that are in the ledger. */
function indexKnownKeys(known: readonly KnownKey[]) {
  const byId = new Map(known.map((key) => [key.keyId, key]))
  const byHash = new Map(
    known.flatMap((key) => [key.hash, key.previousHash].map((hash) => [hash, key] as const)),
  )
  return {
    has: (keyId: string) => byId.has(keyId),
    conflict({ keyId, hash, owner }: ReadKey): Conflict | undefined {
      const same = byId.get(keyId)
      if (same && same.accountId !== accountIdOf(owner)) {
        return {
          problem: "its id is that of another account's key in this ledger",
          advice: 'give it another id',
        }
      }
      const sameHash = byHash.get(hash)
      if (!same && sameHash) {
        return {
          problem: `its hash is that of ${sameHash.keyId} in this ledger`,
          advice: 'delete one of the two',
        }
      }
      return undefined
    },
  }
}

/** The most expensive plan; of plans that cost the same, the one that gives more credits. */
export function mostExpensivePlan(names: readonly string[], plans: Plans): string | undefined {
  return names.toSorted((a, b) => compare(plans[b], plans[a]))[0]
}

function compare(a: Plans[string] | undefined, b: Plans[string] | undefined): number {
  const fee = (a?.fee.minorUnits ?? 0) - (b?.fee.minorUnits ?? 0)
  return fee !== 0 ? fee : (a?.credits ?? 0) - (b?.credits ?? 0)
}

function countBy<T>(list: readonly T[], by: (element: T) => string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const element of list) counts.set(by(element), (counts.get(by(element)) ?? 0) + 1)
  return counts
}

function oldOwnerText(key: OldKey): string {
  const owner = ownerOf(key)
  return owner ? ownerText(owner) : 'nobody'
}

export function ownerText({ kind, id }: Owner): string {
  return `${kind} ${id}`
}
