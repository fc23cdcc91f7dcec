/** Finds the database that a command works on. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseDatabaseUrl, resolveDatabaseUrl } from '../ledger/connection/parse-database-url.ts'
import { UsageError } from './usage-error.ts'

const defaultDataFolder = '.tollbook'

/** The file in which `tollbook up` leaves the URL of its PostgreSQL for the other commands. */
export function databaseUrlFile(dataFolder: string): string {
  return join(dataFolder, 'database-url')
}

/**
 * The PostgreSQL URL of --database, of DATABASE_URL, or of the `tollbook up` that runs in this folder, with what PG…
 * variables say beside it.
 * @throws UsageError when none of them names one; BadConnectionString when it cannot be used
 */
export async function databaseUrl(args: {
  readonly database?: string | undefined
}): Promise<string> {
  const url = args.database || process.env.DATABASE_URL || (await readUrlOfUp())
  if (!url) {
    throw new UsageError(
      'which database? Set DATABASE_URL, pass --database, or start one here with "tollbook up".',
    )
  }
  const resolved = resolveDatabaseUrl(url, process.env)
  noteLogin(resolved)
  return resolved
}

/** A process runs one command, on one database. */
let login: string | undefined

/** Remembers as whom a command logs in, for errors that say what has to be granted. */
export function noteLogin(url: string): void {
  login = parseDatabaseUrl(url).user
}

/** As whom the command logs in; undefined before it has an address. */
export function notedLogin(): string | undefined {
  return login
}

async function readUrlOfUp(): Promise<string | undefined> {
  try {
    return (await readFile(databaseUrlFile(defaultDataFolder), 'utf8')).trim() || undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
