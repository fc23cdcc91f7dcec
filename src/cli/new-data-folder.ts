/** A PostgreSQL in a folder where no `tollbook up` has run yet: what is restored there, the first `up` goes on with. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { startEmbeddedPostgres } from '../postgres/embedded.ts'
import { lockFolder } from '../postgres/folder-lock.ts'
import { databaseUrlFile } from './database.ts'
import { UsageError } from './usage-error.ts'

/** Whether no `up` has run in the folder, nor has anything been restored there. */
export function isNewDataFolder(folder: string): boolean {
  return !existsSync(databaseUrlFile(folder))
}

/**
 * Runs `work` on an empty database in the folder, and stops its server. Where the work fails, the folder counts as new still.
 * @throws UsageError when an `up` begins in it just now
 */
export async function inNewDataFolder<T>(
  folder: string,
  log: (line: string) => void,
  work: (url: string) => Promise<T>,
): Promise<T> {
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const releaseLock = lockFolder(folder)
  if (!releaseLock) throw new UsageError(`a "tollbook up" starts in ${folder}: end it first.`)
  try {
    const postgres = await startEmbeddedPostgres({
      dataDir: join(resolve(folder), 'postgres'),
      log,
    })
    try {
      const done = await work(postgres.url)
      writeFileSync(databaseUrlFile(folder), `${postgres.url}\n`, { mode: 0o600 })
      return done
    } finally {
      await postgres.stop()
    }
  } finally {
    releaseLock()
  }
}
