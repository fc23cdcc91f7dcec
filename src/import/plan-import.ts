/** What an import will do, decided from both databases before anything is written: no clock, no database. */

import type { Plans } from '../ledger/read/read-accounts.ts'
import type { KnownKey } from '../ledger/read/read-imported.ts'
import { accountIdOf, type Owner } from '../lib/ids.ts'
import type { OldKey } from './old-database.ts'
import { type Conflict, isConflict, type ReadKey, readOldKey, type Terms } from './read-old-key.ts'

/** A key that is left out, and why; mend it and import again. */
export interface LeftOut extends Conflict {
  readonly keyId: string
  readonly owner: string
}

/** An owner's keys, on one account. */
export interface AccountPart {
  readonly accountId: string
  readonly owner: Owner
  /** The plan that its keys paid for; undefined where none of them works any more. */
  readonly plan: string | undefined
  /** The highest rate of a key that works. */
  readonly rateLimit: number
  /** Keys that are not in the ledger yet. */
  readonly newKeys: readonly ReadKey[]
  /** All, those included that an earlier import brought. */
  readonly keys: readonly ReadKey[]
}

export interface ImportPlan {
  readonly found: number
  readonly accounts: readonly AccountPart[]
  readonly leftOut: readonly LeftOut[]
  /** Keys that an earlier import brought. */
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
    leftOut.push({ keyId: old.id, owner: ownerText(old), ...conflict })

  const hashes = countBy(oldKeys, ({ hash }) => hash?.trim().toLowerCase() ?? '')
  const standing = indexKnownKeys(known)
  for (const old of oldKeys) {
    const key = readOldKey(old, { ...terms, plans: Object.keys(plans) })
    const conflict = isConflict(key)
      ? key
      : (((hashes.get(key.hash) ?? 0) > 1 ? sameKeyTwice : undefined) ?? standing.conflict(key))
    if (conflict || isConflict(key)) leaveOut(old, conflict ?? (key as Conflict))
    else read.push(key)
  }

  const byAccount = Map.groupBy(read, ({ owner }) => accountIdOf(owner))
  const accounts = [...byAccount].map(([accountId, keys]): AccountPart => {
    const usable = keys.filter((key) => key.usable)
    return {
      accountId,
      owner: (keys[0] as ReadKey).owner,
      plan: mostExpensive(
        usable.map(({ tier }) => tier),
        plans,
      ),
      rateLimit: Math.max(0, ...usable.map((key) => key.rateLimit ?? 0)),
      newKeys: keys.filter(({ keyId }) => !standing.has(keyId)),
      keys,
    }
  })
  const already = read.filter(({ keyId }) => standing.has(keyId)).length
  return { found: oldKeys.length, accounts, leftOut, already }
}

const sameKeyTwice: Conflict = {
  problem: 'another of its keys has the same hash',
  advice: 'delete or change one of the two: nobody can say whose calls of that key are',
}

/** How a key stands to those that are in the ledger. */
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

/** Of plans that cost the same, the one that gives more. */
export function mostExpensive(names: readonly string[], plans: Plans): string | undefined {
  return names.toSorted((a, b) => compare(plans[b], plans[a]))[0]
}

function compare(a: Plans[string] | undefined, b: Plans[string] | undefined): number {
  const fee = (a?.fee.minorUnits ?? 0) - (b?.fee.minorUnits ?? 0)
  return fee !== 0 ? fee : (a?.credits ?? 0) - (b?.credits ?? 0)
}

function countBy<T>(list: readonly T[], by: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const item of list) counts.set(by(item), (counts.get(by(item)) ?? 0) + 1)
  return counts
}

function ownerText({ organizationId, userId }: OldKey): string {
  if (organizationId) return `organisation ${organizationId}`
  return userId ? `user ${userId}` : 'nobody'
}
