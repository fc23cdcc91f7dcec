// One starter or stopper of a server at a time, across processes.
//
// The lock is SQLite's on an empty database file: Bun brings it on every platform, and the operating system
// drops it when its holder dies, however it dies, so no lock is ever left behind. (A file made with O_EXCL
// would be; flock(2) would be inherited by the server we start.)

import { Database } from 'bun:sqlite'
import { join } from 'node:path'

const waitMs = 180_000
const pollMs = 25

/** Runs `work` while holding the lock of `folder`; waits for other holders, three minutes at most. */
export async function withFolderLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = new Database(join(folder, 'lock'), { create: true })
  try {
    lock.run('PRAGMA busy_timeout = 0')
    const deadline = performance.now() + waitMs
    while (!tryToTake(lock)) {
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
 * Holds `folder` for as long as this process lives, or until the function returned is called. Undefined when
 * another process holds it.
 */
export function lockFolder(folder: string): (() => void) | undefined {
  // A file of its own: whoever holds the folder also starts and stops the server in it.
  const lock = new Database(join(folder, 'held'), { create: true })
  lock.run('PRAGMA busy_timeout = 0')
  if (tryToTake(lock)) return () => lock.close()
  lock.close()
  return undefined
}

function tryToTake(lock: Database): boolean {
  try {
    lock.run('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY') return false
    throw error
  }
}
