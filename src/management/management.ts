/**
 * Managing accounts, keys, credits and prices: every change is decided by pure functions on what the ledger
 * says (decide-key.ts, decide-account.ts) and recorded in it, and every look is a look into the ledger.
 */

import type { RecordedEvent } from '../../events/event.ts'
import { readShards } from '../ledger/read/read-for-calls.ts'
import { type Accounts, manageAccounts } from './manage-accounts.ts'
import { type Credits, manageCredits } from './manage-credits.ts'
import { type Keys, manageKeys } from './manage-keys.ts'
import { manageTariffs, type Tariffs } from './manage-tariffs.ts'
import type { ManagementDeps } from './management-deps.ts'
import { readReasons } from './read-reasons.ts'
import { shardOf } from './shard-of.ts'

export interface Management extends Keys, Accounts, Credits, Tariffs {
  /** The reasons that were given for these events, by their printed positions. */
  readReasons(events: readonly RecordedEvent[]): Promise<ReadonlyMap<string, string>>
}

export function openManagement(deps: ManagementDeps): Management {
  let shards: Promise<number[]> | undefined

  /** Their number never changes, so it is asked once; a failed question is asked again. */
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
    ...manageCredits(deps),
    ...manageTariffs(deps),
    readReasons: (events) => readReasons(deps.sql, events),
  }
}
