import type { Config } from '../config/config.ts'
import type { KeyPrefixes } from '../gate/authenticate/key-format.ts'
import type {
  ManagementCommands,
  RecordingCommands,
} from '../ledger/commands/management-commands.ts'
import type { Sql } from '../ledger/connect.ts'
import type { Random } from '../lib/base62.ts'

/**
 * What the part of management needs that owners have. A clock is not part of it: times are the ledger's own, and come with the
 * rows that are read from it.
 */
export interface OwnersDeps {
  readonly sql: Sql
  readonly commands: RecordingCommands
  readonly config: Config
  readonly prefixes: KeyPrefixes
  /** For new keys' secrets. */
  readonly random: Random
}

/** What management needs. */
export interface ManagementDeps extends OwnersDeps {
  readonly commands: ManagementCommands
}
