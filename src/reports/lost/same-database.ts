import type { Sql } from '../../ledger/connect.ts'

/** Whether two connections lead to the same database of the same server, whatever their URLs say. */
export async function isSameDatabase(one: Sql, other: Sql): Promise<boolean> {
  return (await identify(one)) === (await identify(other))
}

/**
 * Servers that were restored from one backup have the same system identifier. When each was started, to the microsecond, tells them apart,
 * and any role may ask for it.
 */
async function identify(sql: Sql): Promise<string> {
  const [row] = await sql<[{ identity: string }]>`
    select concat_ws(' ', extract(epoch from pg_postmaster_start_time()), current_setting('port'), oid) as identity
    from pg_database where datname = current_database()`
  return row.identity
}
