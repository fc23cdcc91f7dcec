/**
 * Managing accounts, keys, credits and prices: every change is decided by pure functions on what the ledger
 * says (decide-key.ts, decide-account.ts) and recorded in it, and every look is a look into the ledger.
 */

import type { RecordedEvent } from '../../events/event.ts'
import { readShards } from '../ledger/read/read-for-calls.ts'
import { type Accounts, openAccounts } from './accounts.ts'
import { type Credits, openCredits } from './credits.ts'
import type { ManagementDeps } from './deps.ts'
import { type Keys, openKeys } from './keys.ts'
import { readReasons } from './reasons.ts'
import { shardOf } from './shard-of.ts'
import { openTariffs, type Tariffs } from './tariffs.ts'

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
    ...openKeys(deps, shardOfNew),
    ...openAccounts(deps),
    ...openCredits(deps),
    ...openTariffs(deps),
    readReasons: (events) => readReasons(deps.sql, events),
  }
}
