/** How commands get at the ledger: as the serving role, which can change nothing behind the log's back. */

import type { Config } from '../config/config.ts'
import { type Environment, readEnvironment } from '../config/environment.ts'
import { loadConfig } from '../config/load-config.ts'
import { type Commands, openCommands } from '../ledger/commands/management-commands.ts'
import { connect, type Sql } from '../ledger/connect.ts'
import { secureRandom } from '../lib/base62.ts'
import { isRefused, type Refused } from '../management/decision.ts'
import type { Actor } from '../management/execute.ts'
import { type Management, openManagement } from '../management/management.ts'
import { databaseUrl } from './database.ts'
import { refusalError } from './refusals.ts'

/** What every command about the ledger takes. */
export const ledgerArgs = {
  database: { type: 'string', valueHint: 'URL', description: 'PostgreSQL URL (DATABASE_URL)' },
  json: { type: 'boolean', description: 'Print JSON, for programs' },
} as const

export const configArg = {
  config: { type: 'string', valueHint: 'FILE', description: 'Configuration file (tollbook.yaml)' },
} as const

/** What commands take that change something. */
export const changeArgs = {
  reason: {
    type: 'string',
    valueHint: 'TEXT',
    description: 'Why; kept encrypted in the ledger, for auditors',
  },
  ...configArg,
  ...ledgerArgs,
} as const

export interface OpenLedger {
  readonly sql: Sql
  readonly commands: Commands
  readonly management: Management
  readonly config: Config
  readonly environment: Environment
}

/** Names this program in the events that it makes. */
const instance = `cli_${crypto.randomUUID().slice(0, 8)}`

export async function withSql<T>(
  args: { readonly database?: string | undefined },
  work: (sql: Sql) => Promise<T>,
): Promise<T> {
  const sql = connect({ url: await databaseUrl(args), as: 'serving', max: 4 })
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

export async function withLedger<T>(
  args: { readonly database?: string | undefined; readonly config?: string | undefined },
  work: (ledger: OpenLedger) => Promise<T>,
): Promise<T> {
  const config = loadConfig({ file: args.config, env: process.env })
  const environment = readEnvironment(process.env)
  return withSql(args, (sql) => {
    const commands = openCommands(sql, instance)
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

/**
 * Who changes something here. The log, which can never be changed, says only that it was the command
 * line; the person's name goes where the reason does, into the part that is encrypted and can be erased.
 */
export function cliActor({ reason }: { readonly reason?: string | undefined }): Actor {
  const who = `${userName()} at the command line`
  return { id: 'cli', reason: reason === undefined ? who : `${reason} (${who})` }
}

/** As the operating system has it: an environment variable would be whatever somebody set. */
function userName(): string {
  const id = Bun.which('id')
  const asked = id === null ? undefined : Bun.spawnSync([id, '-un'], { stderr: 'ignore' })
  // In a container there may be no such program, and the user may have no name.
  const name = asked?.success ? asked.stdout.toString().trim() : ''
  return name || `user ${process.getuid?.() ?? 'unknown'}`
}

/** What management answered. @throws UsageError with the reason when it refused */
export function unwrap<T extends object>(result: T | Refused): T {
  if (isRefused(result)) throw refusalError(result)
  return result
}
