/** What managing accounts, keys, credits and prices needs. */

import type { Config } from '../config/config.ts'
import type { KeyPrefixes } from '../gate/authenticate/key-format.ts'
import type { Commands } from '../ledger/commands/management-commands.ts'
import type { Sql } from '../ledger/connect.ts'
import type { Random } from '../lib/base62.ts'

/** There is no clock among these: times that matter are the ledger's, and come with what is read from it. */
export interface ManagementDeps {
  readonly sql: Sql
  readonly commands: Commands
  readonly config: Config
  readonly prefixes: KeyPrefixes
  /** Where secrets come from. */
  readonly random: Random
}
