/** Opens the ledger for one command, in the role that its work needs. */
import type { Config } from '../config/config.ts'
import { type Environment, readEnvironment } from '../config/environment.ts'
import {
  type ManagementCommands,
  openManagementCommands,
} from '../ledger/commands/management-commands.ts'
import { type ConnectOptions, connect, maxLockWaitMs, type Sql } from '../ledger/connect.ts'
import { readCreditScale } from '../ledger/read/read-tariffs.ts'
import { secureRandom } from '../lib/base62.ts'
import { type Management, openManagement } from '../management/management.ts'
import { configOf } from './config-of.ts'
import { type DatabaseArgs, databaseUrl } from './database.ts'
import { showCreditsAs } from './output.ts'

interface OpenLedger {
  readonly sql: Sql
  readonly commands: ManagementCommands
  readonly management: Management
  readonly config: Config
  readonly environment: Environment
}

/** Names this process in the events that it appends. */
const instance = `cli_${crypto.randomUUID().slice(0, 8)}`

/** Runs `work`, which only reads, on a connection to the database, and closes the connection. */
export function withSql<T>(args: DatabaseArgs, work: (sql: Sql) => Promise<T>): Promise<T> {
  return withConnection({ as: 'reader' }, args, work)
}

/** The same for what shows personal data, which is sealed under the accounts' secrets. */
export function withManagementSql<T>(
  args: DatabaseArgs,
  work: (sql: Sql) => Promise<T>,
): Promise<T> {
  return withConnection({ as: 'management' }, args, work)
}

/** What `work` finds; undefined where the login has not the role that it takes. */
export async function ifPermitted<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if ((error as { code?: unknown }).code === '42501') return undefined
    throw error
  }
}

/** The same as the owner of the schema, for what no role may do. It waits for a lock no longer than gateways do. */
export function withOwnerSql<T>(args: DatabaseArgs, work: (sql: Sql) => Promise<T>): Promise<T> {
  return withConnection({ as: 'owner', lockTimeoutMs: maxLockWaitMs }, args, work)
}

async function withConnection<T>(
  options: Pick<ConnectOptions, 'as' | 'lockTimeoutMs'>,
  args: DatabaseArgs,
  work: (sql: Sql) => Promise<T>,
): Promise<T> {
  const sql = connect({ ...options, url: await databaseUrl(args), max: 4 })
  try {
    showCreditsAs(await readCreditScale(sql).catch(() => undefined))
    return await work(sql)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Runs `work` with everything that management needs: the configuration, the environment and the database. */
export async function withLedger<T>(
  args: DatabaseArgs & { readonly config?: string | undefined },
  work: (ledger: OpenLedger) => Promise<T>,
): Promise<T> {
  const config = configOf(args)
  const environment = readEnvironment(process.env)
  const connection = { as: 'management', lockTimeoutMs: maxLockWaitMs } as const
  return withConnection(connection, args, (sql) => {
    const commands = openManagementCommands(sql, instance)
    const management = openManagement({
      sql,
      commands,
      config,
      prefixes: environment.keyPrefixes,
      random: secureRandom,
    })
    return work({ sql, commands, management, config, environment })
  })
}
