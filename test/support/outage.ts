/** Takes a ledger away from everyone who uses it, and gives it back. */
import postgres from 'postgres'

/**
 * Ends all connections to a database and lets none begin, until the function that it returns is called.
 * @param url of the database, with the server's superuser
 */
export async function takeAway(url: string): Promise<() => Promise<void>> {
  const name = new URL(url).pathname.slice(1)
  // A server has this database too, from which the other one can be locked.
  const elsewhere = new URL(url)
  elsewhere.pathname = '/postgres'
  const sql = postgres(elsewhere.href, { max: 1, onnotice: () => {} })
  await sql`alter database ${sql(name)} with allow_connections false`
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`
  return async () => {
    await sql`alter database ${sql(name)} with allow_connections true`
    await sql.end({ timeout: 5 })
  }
}
