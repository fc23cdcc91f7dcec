/** Puts a database back to what it was, under whoever is connected to it: as when a server is restored from a backup. */
import postgres from 'postgres'
import { testServerUrl } from './postgres.ts'

export interface Copy {
  /** Puts the copy in the database's place, which is lost. */
  putBack(): Promise<void>
  /** Lets the copy and the database change places. */
  exchange(): Promise<void>
  drop(): Promise<void>
}

/**
 * Copies a database as it is now. Connections to it are ended, and have to be made anew.
 * @param serverUrl of a superuser on the database's server; the server of the tests by default
 */
export async function copyDatabase(name: string, serverUrl?: string): Promise<Copy> {
  const copy = `${name}_copy`
  const aside = `${name}_aside`
  serverUrl ??= await testServerUrl()
  await withoutOthers(
    serverUrl,
    name,
    (sql) => sql`create database ${sql(copy)} template ${sql(name)}`,
  )
  return {
    async putBack() {
      await withoutOthers(serverUrl, name, async (sql) => {
        await sql`drop database ${sql(name)} with (force)`
        await sql`alter database ${sql(copy)} rename to ${sql(name)}`
      })
    },
    async exchange() {
      await withoutOthers(serverUrl, name, async (sql) => {
        await sql`alter database ${sql(name)} rename to ${sql(aside)}`
        await sql`alter database ${sql(copy)} rename to ${sql(name)}`
        await sql`alter database ${sql(aside)} rename to ${sql(copy)}`
        await sql`alter database ${sql(copy)} allow_connections true`
      })
    },
    async drop() {
      await withoutOthers(serverUrl, name, (sql) => sql`drop database ${sql(copy)} with (force)`)
    },
  }
}

/** Runs `work` while nobody is connected to the database, or can connect. */
async function withoutOthers(
  serverUrl: string,
  database: string,
  work: (sql: postgres.Sql) => Promise<unknown>,
): Promise<void> {
  const sql = postgres(serverUrl, { max: 1, onnotice: () => {} })
  try {
    await sql`alter database ${sql(database)} allow_connections false`
    for (;;) {
      const others = await sql`
        select pg_terminate_backend(pid) from pg_stat_activity where datname = ${database}`
      if (others.length === 0) break
    }
    await work(sql)
  } finally {
    await sql`alter database ${sql(database)} allow_connections true`
    await sql.end()
  }
}
