/** Explains an error to the person at the terminal. */
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import postgres from 'postgres'
import { ConfigError } from '../config/config-error.ts'
import { BadConnectionString } from '../ledger/connection/connection-string.ts'
import { roleNames } from '../ledger/roles.ts'
import { urlHost } from '../lib/url-host.ts'
import { defaultDataFolder, notedFolder, notedLogin } from './database.ts'
import { UsageError } from './usage-error.ts'

/**
 * A sentence that says what went wrong and what to do. An error that it does not know keeps its own message; with
 * DEBUG set, its stack.
 */
export function explainError(error: unknown): string {
  if (error instanceof ConfigError || error instanceof UsageError) return error.message
  if (error instanceof BadConnectionString) {
    return `the address of the database cannot be used: ${error.message}.`
  }
  if (error instanceof postgres.PostgresError) return explainPostgresError(error)
  const { code, syscall, message, stack, path, address, port } = error as NodeJS.ErrnoException & {
    address?: string
    port?: number
  }
  if (code === 'EADDRINUSE') {
    return 'the port is taken: stop the program that uses it, or choose another with --port (0 takes a free one).'
  }
  if (syscall === 'listen') {
    return `nothing can listen at ${address ?? 'the address of METRICS_HOST'} (${code}): --host (and METRICS_HOST) takes an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them; ports below 1024 may need more rights.`
  }
  if (code === 'CONNECT_TIMEOUT' || code === 'ECONNREFUSED' || code === 'ENOTFOUND') {
    const where = address ? ` at ${urlHost(address)}:${port}` : ''
    const folder = notedFolder()
    const start =
      folder === undefined
        ? 'start it, or set DATABASE_URL to one that runs.'
        : `it is that of ${folder}. Start it with "tollbook up${folder === defaultDataFolder ? '' : ` --data ${folder}`}", and let that run meanwhile.`
    return `PostgreSQL${where} cannot be reached (${code}): ${start}`
  }
  if (code === 'NO_SUCH_SERVER') return `PostgreSQL cannot be reached: ${message}.`
  if (code === 'ETIMEDOUT') return `${message}: the connection is given up. Try again.`
  if (code === 'ENOENT' && path && !existsSync(dirname(path))) {
    return `there is no folder ${dirname(path)}: make it first, or name another.`
  }
  return process.env.DEBUG ? (stack ?? message) : (message ?? String(error))
}

function explainPostgresError({ code, message }: postgres.PostgresError): string {
  const mended = grantFor(message)
  if (mended) return `${message}. An administrator has to run:\n\n  ${mended}\n`
  switch (code) {
    case '28P01':
    case '28000':
      return `PostgreSQL refuses the login in DATABASE_URL: ${message}.`
    case '3D000':
      return `${message}: create it (createdb), or correct DATABASE_URL.`
    case '42P01':
    case '42883':
    case '3F000':
      return `the database is not set up for this version (${message}): run "tollbook migrate".`
    case '22023': // The first migration creates the roles that connections to the ledger take.
      if (!message.includes('role')) break
      return `there is no ledger on this server yet (${message}): run "tollbook migrate".`
    case '42501':
      return `${message}: log in as the owner of the schema for "tollbook migrate", "tollbook backup", "tollbook restore" and "tollbook replay"; all else takes a role of its own, whose rights "tollbook migrate" sets: docs/SECURITY.md has what each may do.`
    case '55P03':
      return `somebody holds a lock of the ledger (${message}), and nothing was written: docs/RUNBOOK.md says under CallsRefusedForLedger how to find who.`
    case '25006':
      return `PostgreSQL takes no writes here (${message}): it is a standby, or was made read-only. Let DATABASE_URL name the primary.`
  }
  return `PostgreSQL says: ${message} (${code}).`
}

/** The statement that gives what PostgreSQL says is missing; undefined where no single one does. */
function grantFor(message: string): string | undefined {
  const login = `"${(notedLogin() ?? 'LOGIN').replaceAll('"', '""')}"`
  const role = /permission denied to set role "(.*)"/.exec(message)?.[1]
  if (role) return `grant ${role} to ${login};`
  const database = /permission denied for database "(.*)"/.exec(message)?.[1]
  if (database) return `grant connect on database "${database}" to ${login};`
  const temporary =
    /cannot create temporary tables in database "(.*)"|permission denied to create temporary tables in database "(.*)"/.exec(
      message,
    )
  const where = temporary?.[1] ?? temporary?.[2]
  return where && `grant temporary on database "${where}" to ${roleNames.reader};`
}
