/**
 * Management of accounts, keys, credits, prices and operator keys. Pure functions (decide-key.ts, decide-account.ts) decide a
 * change on the state that the ledger has, and `execute` records the events that follow. Everything that is
 * returned is read from the ledger.
 */
import type { RecordedEvent } from '../../events/event.ts'
import { readShards } from '../ledger/read/read-shards.ts'
import { type Accounts, manageAccounts } from './manage-accounts.ts'
import { type Credits, manageCredits } from './manage-credits.ts'
import { type Keys, manageKeys } from './manage-keys.ts'
import { manageOperatorKeys, type OperatorKeys } from './manage-operator-keys.ts'
import { manageTariffs, type Tariffs } from './manage-tariffs.ts'
import type { ManagementDeps, OwnersDeps } from './management-deps.ts'
import { readReasons } from './read-reasons.ts'
import { shardOf } from './shard-of.ts'

export interface Management extends Keys, Accounts, Credits, Tariffs, OperatorKeys {
  /** The reasons that actors gave for these events, by printed position. */
  readReasons(events: readonly RecordedEvent[]): Promise<ReadonlyMap<string, string>>
}

/** What owners have of it: their keys and their account. */
export type OwnersManagement = Keys & Accounts

export function openManagement(deps: ManagementDeps): Management {
  return {
    ...openOwnersManagement(deps),
    ...manageCredits(deps),
    ...manageTariffs(deps),
    ...manageOperatorKeys(deps),
    readReasons: (events) => readReasons(deps.sql, events),
  }
}

export function openOwnersManagement(deps: OwnersDeps): OwnersManagement {
  let shards: Promise<number[]> | undefined

  /** The number of shards never changes, so it is read once, and again only after a failure. */
  async function shardOfNew(accountId: string): Promise<number> {
    shards ??= readShards(deps.sql)
    try {
      return shardOf(accountId, (await shards).length)
    } catch (error) {
      shards = undefined
      throw error
    }
  }

  return {
    ...manageKeys(deps, shardOfNew),
    ...manageAccounts(deps),
  }
}
