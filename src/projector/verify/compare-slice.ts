/** A slice of a projection's table compared with the same rows made from the log, row by row and column by column. */
import type { Sql } from '../../ledger/connect.ts'

type Row = Readonly<Record<string, unknown>>

/** A row that is not what the log says. */
export interface RowDifference {
  readonly table: string
  /** The columns of its key. */
  readonly key: Row
  /**
   * What differs, by column: as the table has it, and as the log does. A row that only one of them has differs in
   * every column.
   */
  readonly columns: Readonly<Record<string, { readonly table: unknown; readonly log: unknown }>>
  readonly only?: 'table' | 'log'
}

/** Rows that follow each other in the order of their key. */
export interface Slice {
  readonly table: string
  /** The columns of its key. */
  readonly key: readonly string[]
  /** Where it begins: a condition in SQL. */
  readonly from: string
  readonly maxRows: number
}

export interface SliceComparison {
  readonly rows: number
  /** How many rows differ, and the first of them. */
  readonly differing: number
  readonly differences: readonly RowDifference[]
  /** The key of its last row; undefined for the table's last slice. */
  readonly end: string | undefined
}

/**
 * Compares a slice of the table in service with the temporary table of the same name, in one snapshot.
 * @param ledger the schema of the tables in service
 */
export async function compareSlice(
  tx: Sql,
  ledger: string,
  slice: Slice,
  maxDescribed: number,
): Promise<SliceComparison> {
  const { table, key, from } = slice
  const end = await readSliceEnd(tx, slice)
  const columns = key.join(', ')
  const where = end === undefined ? from : `${from} and (${columns}) <= (${end})`
  const joined = `(select t as is, t.* from ${ledger}.${table} t where ${where}) t
    full join (select l as is, l.* from pg_temp.${table} l where ${where}) l using (${columns})`
  const [counted] = await tx.unsafe<[{ rows: number; differing: number }]>(`
    select count(t.is) as rows, count(*) filter (where t.is is distinct from l.is) as differing
    from ${joined}`)
  if (counted.differing === 0) return { ...counted, end, differences: [] }
  const rows = await tx.unsafe<{ in_table: Row | null; in_log: Row | null }[]>(`
    select to_jsonb(t.is) as in_table, to_jsonb(l.is) as in_log
    from ${joined} where t.is is distinct from l.is
    order by ${columns} limit ${Math.max(maxDescribed, 0)}`)
  const differences = rows.map((row) => describeDifference(table, key, row.in_table, row.in_log))
  return { ...counted, end, differences }
}

/** The key of the last row of a slice of the log's rows; undefined where fewer rows are left than a slice takes. */
async function readSliceEnd(
  tx: Sql,
  { table, key, from, maxRows }: Slice,
): Promise<string | undefined> {
  const columns = key.join(', ')
  const literals = key.map((column) => `quote_literal(${column})`).join(`, ', ', `)
  // Along its index, and not by sorting all that follows.
  const results = await tx.unsafe(`
    set local enable_sort = off;
    select concat(${literals}) as end
    from (
      select ${columns} from pg_temp.${table}
      where ${from}
      order by ${columns} offset ${maxRows - 1} limit 1
    ) last_one;
    set local enable_sort = on`)
  const [, rows] = results as unknown as [unknown, { end: string }[]]
  return rows[0]?.end
}

function describeDifference(
  table: string,
  key: readonly string[],
  inTable: Row | null,
  inLog: Row | null,
): RowDifference {
  const either = inTable ?? inLog ?? {}
  const columns = Object.keys(either)
    .filter((name) => !Bun.deepEquals(inTable?.[name], inLog?.[name]))
    .map((name) => [name, { table: inTable?.[name], log: inLog?.[name] }] as const)
  return {
    table,
    key: Object.fromEntries(key.map((name) => [name, either[name]])),
    columns: Object.fromEntries(columns),
    ...(inTable === null ? { only: 'log' as const } : {}),
    ...(inLog === null ? { only: 'table' as const } : {}),
  }
}
