import type { Sql } from '../ledger/connect.ts'

/** The columns of a temporary table's primary key, in its order. No rebuild swaps a temporary table meanwhile. */
export async function readKeyColumns(sql: Sql, table: string): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select a.attname as name
    from pg_index i
    cross join unnest(i.indkey::smallint[]) with ordinality as k (number, nth)
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
    where i.indrelid = ${`pg_temp.${table}`}::regclass and i.indisprimary
    order by k.nth`
  return rows.map(({ name }) => name)
}
