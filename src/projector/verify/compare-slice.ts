/**
 * A slice of a projection's table compared with the same rows made from the log. First by the sums of their rows' hashes, under a seed
 * that nobody knows before; where these differ, row by row and column by column.
 */
import { randomInt } from 'node:crypto'
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

/** Rows of a table, by their keys. */
export interface Slice {
  readonly table: string
  /** The columns of its key. */
  readonly key: readonly string[]
  /** A query of the rows in service. */
  readonly inService: string
  /** A query of the same columns of the rows that the log makes. */
  readonly inLog: string
}

export interface SliceComparison {
  readonly rows: number
  /** How many rows differ, and the first of them. */
  readonly differing: number
  readonly differences: readonly RowDifference[]
}

/** Compares a slice in one snapshot. */
export async function compareSlice(
  tx: Sql,
  slice: Slice,
  maxDescribed: number,
): Promise<SliceComparison> {
  const { table, key, inService, inLog } = slice
  const columns = key.join(', ')
  const hashed = (rows: string) =>
    `(select count(*) as rows, sum(hash_record_extended(r, ${seed})) as hash from (${rows}) r)`
  const [hashes] = await tx.unsafe<[{ rows: number; same: boolean }]>(`
    select t.rows, t.rows = l.rows and t.hash is not distinct from l.hash as same
    from ${hashed(inService)} t, ${hashed(inLog)} l`)
  if (hashes.same) return { rows: hashes.rows, differing: 0, differences: [] }
  const joined = `(select r as is, r.* from (${inService}) r) t
    full join (select r as is, r.* from (${inLog}) r) l using (${columns})`
  const [counted] = await tx.unsafe<[{ rows: number; differing: number }]>(`
    select count(t.is) as rows, count(*) filter (where t.is is distinct from l.is) as differing
    from ${joined}`)
  const rows = await tx.unsafe<{ in_table: Row | null; in_log: Row | null }[]>(`
    select to_jsonb(t.is) as in_table, to_jsonb(l.is) as in_log
    from ${joined} where t.is is distinct from l.is
    order by ${columns} limit ${Math.max(maxDescribed, 0)}`)
  const differences = rows.map((row) => describeDifference(table, key, row.in_table, row.in_log))
  return { ...counted, differences }
}

const seed = randomInt(2 ** 48 - 1)

/** The key of the last row of a slice of the log's rows; undefined where fewer rows are left than a slice takes. */
export async function readSliceEnd(
  tx: Sql,
  { table, key }: Pick<Slice, 'table' | 'key'>,
  from: string,
  maxRows: number,
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
