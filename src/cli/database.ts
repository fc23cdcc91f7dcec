/** Finds the database that a command works on. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseDatabaseUrl, resolveDatabaseUrl } from '../ledger/connection/parse-database-url.ts'
import { UsageError } from './usage-error.ts'

export const defaultDataFolder = '.tollbook'

/** The file in which `tollbook up` leaves the URL of its PostgreSQL for the other commands. */
export function databaseUrlFile(dataFolder: string): string {
  return join(dataFolder, 'database-url')
}

/** What names a ledger on the command line. Both fields have to be passed on, lest a command takes another ledger. */
export interface DatabaseArgs {
  /** A PostgreSQL URL. */
  readonly database: string | undefined
  /** The folder of a `tollbook up`. */
  readonly data: string | undefined
}

/**
 * The PostgreSQL URL of --database or --data, else of DATABASE_URL, else of the `tollbook up` that runs in this folder,
 * with what PG… variables say beside it.
 * @throws UsageError when none of them names one; BadConnectionString when it cannot be used
 */
export async function databaseUrl(args: DatabaseArgs): Promise<string> {
  const url = await findUrl(args)
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

let folder: string | undefined

/** The folder of the `tollbook up` whose PostgreSQL the command works on; undefined: it is another one. */
export function notedFolder(): string | undefined {
  return folder
}

async function findUrl({ database, data }: DatabaseArgs): Promise<string> {
  if (database && data) throw new UsageError('--database and --data name two ledgers: pass one.')
  if (database) return database
  if (data) {
    const url = await readUrlOfUp(data)
    if (url) return url
    throw new UsageError(
      `no "tollbook up" has run in ${data}: start it with "tollbook up --data ${data}".`,
    )
  }
  const url = process.env.DATABASE_URL || (await readUrlOfUp(defaultDataFolder))
  if (url) return url
  throw new UsageError(
    'which database? Set DATABASE_URL, pass --database or --data, or start one here with "tollbook up".',
  )
}

async function readUrlOfUp(dataFolder: string): Promise<string | undefined> {
  try {
    folder = dataFolder
    return (await readFile(databaseUrlFile(dataFolder), 'utf8')).trim() || undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
