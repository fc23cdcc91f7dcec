/**
 * Rows that add up, collected for `verify`. A projection in service finds for each row the one that it adds to. Here rows are only
 * kept, in a temporary table without indexes, and are added up when they are compared: that takes a fraction of the time. The table
 * is divided along its key into parts that are compared one by one, each in little time.
 */
import { type AddedRows, addedColumns } from '../../../projections/adding-up.ts'
import type { MappingStatement, Projection } from '../../../projections/projection.ts'
import type { Sql } from '../../ledger/connect.ts'
import { withSearchPath } from '../search-path.ts'
import type { TemporaryTables } from '../temporary-tables.ts'

export interface CollectedTable {
  readonly adds: AddedRows
  /** Of each part a condition on its rows, in SQL. */
  readonly parts: readonly string[]
}

/** The same projection, which collects what it would add up. */
export function collecting(projection: Projection): Projection {
  const apply = projection.apply.map((statement) => {
    const adds = collectedBy(statement, projection)
    if (!adds) return statement
    const sql = `insert into ${adds.table} (${addedColumns(adds).join(', ')}) ${adds.rows}`
    return { ...statement, sql }
  })
  return { ...projection, apply }
}

/** Rows can only be collected where no other statement reads or changes them. */
function collectedBy(statement: MappingStatement, { apply }: Projection): AddedRows | undefined {
  const { adds } = statement
  const others = apply.filter((each) => each !== statement)
  return adds && others.some(({ sql }) => sql.includes(adds.table)) ? undefined : adds
}

/**
 * Makes the temporary tables of rows that add up such that they collect them.
 * @param maxRows of a part, about
 */
export async function collectRows(
  { sql, searchPath }: TemporaryTables,
  projection: Projection,
  maxRows: number,
): Promise<CollectedTable[]> {
  const collected: CollectedTable[] = []
  for (const statement of projection.apply) {
    const adds = collectedBy(statement, projection)
    if (!adds) continue
    const { table } = adds
    const [column] = adds.key as [string]
    const bounds = await findBounds(sql, `${searchPath.ledger}.${table}`, column, maxRows)
    const ends = [...bounds, undefined]
    const part = (i: number) =>
      `create table ${table}_${i} partition of ${table} for values from (${bounds[i - 1] ?? 'minvalue'}) to (${bounds[i] ?? 'maxvalue'})`
    await sql.unsafe(
      withSearchPath(searchPath, [
        // Without its primary key, and without room for changes of its rows.
        `alter table ${table} rename to ${table}_in_service`,
        `create table ${table} (like ${table}_in_service) partition by range (${column})`,
        `drop table ${table}_in_service`,
        // What a range adds is no larger, and such are added up faster.
        ...adds.sums.map((sum) => `alter table ${table} alter column ${sum} type bigint`),
        ...ends.map((_, i) => part(i)),
      ]),
    )
    const parts = ends.map((end, i) => {
      const from = bounds[i - 1]
      const conditions = [
        ...(from === undefined ? [] : [`${column} >= ${from}`]),
        ...(end === undefined ? [] : [`${column} < ${end}`]),
      ]
      return conditions.join(' and ') || 'true'
    })
    collected.push({ adds, parts })
  }
  return collected
}

/** Rows of a table that are looked at to find out where its parts begin. */
const sampledRows = 20_000

/** Literals of the values of a column between which there are about so many rows of the table in service. */
async function findBounds(
  sql: Sql,
  table: string,
  column: string,
  maxRows: number,
): Promise<string[]> {
  const [found] = await sql<[{ table: string | null }]>`select to_regclass(${table})::text as table`
  // A ledger of another version may not have it: that is said where its version is read.
  if (found.table === null) return []
  const [{ rows }] = await sql.unsafe<[{ rows: number }]>(`select count(*) as rows from ${table}`)
  const parts = Math.ceil(rows / maxRows)
  if (parts < 2) return []
  const shares = Array.from({ length: parts - 1 }, (_, i) => (i + 1) / parts)
  const percent = Math.min((100 * sampledRows) / rows, 100)
  const bounds = await sql.unsafe<{ literal: string }[]>(`
    select distinct bound, quote_literal(bound) as literal
    from unnest((select percentile_disc(array[${shares.join(', ')}]) within group (order by ${column})
      from ${table} tablesample system (${percent}))) bound
    where bound is not null
    order by bound`)
  return bounds.map(({ literal }) => literal)
}

/** A query of what rows that meet a condition add up to. */
export function addedUp(
  { table, key, same = [], sums, latest = [] }: AddedRows,
  where: string,
): string {
  const columns = [
    ...[...key, ...same],
    ...sums.map((column) => `sum(${column}) as ${column}`),
    ...latest.map((column) => `max(${column}) as ${column}`),
  ]
  return `select ${columns.join(', ')} from pg_temp.${table} where ${where} group by ${[...key, ...same].join(', ')}`
}

/** Rows are not added up before there are so many bytes of them. */
const defaultMinBytes = 2 ** 24

/** Puts what a part's rows add up to in their place, where they have become twice as many: of those who verify again and again. */
export async function addUpWhereDoubled(
  { sql, searchPath }: TemporaryTables,
  { adds, parts }: CollectedTable,
  sizes: Map<string, number>,
  minBytes = defaultMinBytes,
): Promise<void> {
  for (const [i, where] of parts.entries()) {
    const part = `${adds.table}_${i}`
    const size = async () => {
      const [row] = await sql.unsafe<[{ bytes: number }]>(
        `select pg_relation_size('pg_temp.${part}') as bytes`,
      )
      return row.bytes
    }
    if ((await size()) <= minBytes + 2 * (sizes.get(part) ?? 0)) continue
    await sql.unsafe(
      withSearchPath(searchPath, [
        `create temp table added_up on commit drop as ${addedUp(adds, where)}`,
        `truncate ${part}`,
        `insert into ${part} (${addedColumns(adds).join(', ')}) table added_up`,
      ]),
    )
    sizes.set(part, await size())
  }
}
