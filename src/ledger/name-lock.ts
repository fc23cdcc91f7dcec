/** A name that one process at a time has, in the whole database. */
import type postgres from 'postgres'
import type { Sql } from './connect.ts'

interface NameLock {
  /** Whether it is still held: it is gone with the connection. */
  isHeld(): Promise<boolean>
  release(): Promise<void>
}

/**
 * PostgreSQL holds the lock for as long as its connection lives, so a process that dies leaves none behind.
 * @returns undefined when another one has it
 */
export async function tryToLock(sql: Sql, name: string): Promise<NameLock | undefined> {
  const reserved = await sql.reserve()
  try {
    const [row] = await reserved<[{ locked: boolean; pid: number }]>`
      select pg_try_advisory_lock(hashtextextended(${name}, 0)) as locked, pg_backend_pid() as pid`
    if (!row.locked) {
      reserved.release()
      return undefined
    }
    return {
      // When a connection is lost, postgres.js goes on over another one.
      isHeld: async () => (await pidOf(reserved)) === row.pid,
      async release() {
        await reserved`select pg_advisory_unlock(hashtextextended(${name}, 0))`.catch(() => {})
        reserved.release()
      },
    }
  } catch (error) {
    reserved.release()
    throw error
  }
}

async function pidOf(sql: postgres.ReservedSql): Promise<number> {
  const [row] = await sql<[{ pid: number }]>`select pg_backend_pid() as pid`
  return row.pid
}
