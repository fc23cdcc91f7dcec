/** What went wrong, for the person at the terminal: a sentence that says what to do. */
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import postgres from 'postgres'
import { ConfigError } from '../config/config-error.ts'

/** Something the user can mend; its message is the whole answer. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Prints the explanation on stderr and ends with status 1. */
export function explainAndExit(error: unknown): never {
  console.error(`tollbook: ${explain(error)}`)
  process.exit(1)
}

/** The sentence for an error; unknown ones keep their own message, and their stack with DEBUG set. */
export function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof UsageError) return error.message
  if (error instanceof postgres.PostgresError) return explainPostgres(error)
  const { code, message, stack, path, ...where } = error as NodeJS.ErrnoException & {
    address?: string
    port?: number
  }
  if (code === 'EADDRINUSE') {
    return 'the port is taken: stop the program that uses it, or choose another with --port (0 takes a free one).'
  }
  if (code === 'CONNECT_TIMEOUT' || code === 'ECONNREFUSED' || code === 'ENOTFOUND') {
    const place = where.address ? ` at ${where.address}:${where.port}` : ''
    return `PostgreSQL${place} cannot be reached (${code}): start it, or set DATABASE_URL to one that runs.`
  }
  if (code === 'ENOENT' && path && !existsSync(dirname(path))) {
    return `there is no folder ${dirname(path)}: make it first, or name another.`
  }
  return process.env.DEBUG ? (stack ?? message) : (message ?? String(error))
}

function explainPostgres(error: postgres.PostgresError): string {
  switch (error.code) {
    case '28P01':
    case '28000':
      return `PostgreSQL refuses the login in DATABASE_URL: ${error.message}.`
    case '3D000':
      return `${error.message}: create it (createdb), or correct DATABASE_URL.`
    case '42P01':
    case '42883':
    case '3F000':
      return `the database is not set up for this version (${error.message}): run "tollbook migrate".`
    case '22023': // The role that connections to a ledger take is made by the first migration.
      if (!error.message.includes('role')) break
      return `there is no ledger on this server yet (${error.message}): run "tollbook migrate".`
    case '42501':
      return `${error.message}: "tollbook migrate" and "tollbook replay" need the schema's owner, "tollbook serve" a member of the role tollbook_gateway.`
  }
  return `PostgreSQL says: ${error.message} (${error.code}).`
}
