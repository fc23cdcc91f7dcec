import type { MappingStatement } from './projection.ts'

/** Rows that add up: each event adds to the row of its key, and no row is read for it. */
export interface AddedRows {
  readonly table: string
  /** The columns of its primary key. */
  readonly key: readonly string[]
  /** Columns that are the same in all rows of a key. */
  readonly same?: readonly string[]
  readonly sums: readonly string[]
  /** Columns of which the greatest value stands. */
  readonly latest?: readonly string[]
  /** A query of `batch`, with a row for each key and these columns, in this order. */
  readonly rows: string
  /** About the order of the primary key, so that a replay goes through its index once for a range. */
  readonly order?: string
}

/** The statement that adds such rows to their table. `verify` only collects them, and adds them up at its end. */
export function addingUp(
  of: Omit<MappingStatement, 'sql' | 'adds'>,
  adds: AddedRows,
): MappingStatement {
  const { table, key, sums, latest = [], rows, order } = adds
  const changes = [
    ...sums.map((column) => `${column} = t.${column} + excluded.${column}`),
    ...latest.map((column) => `${column} = greatest(t.${column}, excluded.${column})`),
  ]
  const sql = `insert into ${table} as t (${addedColumns(adds).join(', ')})
       ${rows}${
         order
           ? `
       order by ${order}`
           : ''
       }
       on conflict (${key.join(', ')}) do update set ${changes.join(', ')}`
  return { ...of, sql, adds }
}

export function addedColumns({ key, same = [], sums, latest = [] }: AddedRows): string[] {
  return [...key, ...same, ...sums, ...latest]
}
