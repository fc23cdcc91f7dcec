// Locks on a folder, across processes.
//
// A lock is SQLite's lock on an empty database file. Bun has SQLite on every platform, and the operating system drops
// the lock when its process dies, however it dies, so no lock is ever left behind. A file created with O_EXCL would
// stay, and the server that we start would inherit an flock(2).

import { Database } from 'bun:sqlite'
import { join } from 'node:path'

const maxWaitMs = 180_000
const pollMs = 25

/** Runs `work` under the lock of `folder`, one process at a time. Waits for the lock for three minutes at most. */
export async function withFolderLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = new Database(join(folder, 'lock'), { create: true })
  try {
    lock.run('PRAGMA busy_timeout = 0')
    const deadline = performance.now() + maxWaitMs
    while (!tryToLock(lock)) {
      if (performance.now() > deadline) {
        throw new Error(
          `Another process has been starting or stopping the PostgreSQL in ${folder} for three minutes. Look into ${join(folder, 'log')}, and try again when it has ended.`,
        )
      }
      await Bun.sleep(pollMs)
    }
    return await work()
  } finally {
    lock.close()
  }
}

/**
 * Locks `folder` for as long as this process lives, or until the returned function is called. Returns undefined when
 * another process has locked it.
 */
export function lockFolder(folder: string): (() => void) | undefined {
  // A file other than withFolderLock's: a process that has locked the folder also starts and stops the server in it.
  const lock = new Database(join(folder, 'held'), { create: true })
  lock.run('PRAGMA busy_timeout = 0')
  if (tryToLock(lock)) return () => lock.close()
  lock.close()
  return undefined
}

function tryToLock(lock: Database): boolean {
  try {
    lock.run('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY') return false
    throw error
  }
}
