/**
 * Whether a projection's tables are what its mapping makes of the log, row by row and column by column.
 *
 * The log is applied to temporary tables almost to its end; then a short snapshot sees the tables in service
 * and the position that they stand at, the last events are applied up to exactly there, and the two are
 * compared. Tables are compared one by one, and large ones slice by slice along their key, each in a snapshot of its own
 * and as of the position that the tables have come to by then, for no snapshot may live long. Appends go on meanwhile.
 */
import postgres from 'postgres'
import type { Projection } from '../../../projections/projection.ts'
import type { Sql } from '../../ledger/connect.ts'
import { tablesOf } from '../mapping.ts'
import type { Progress } from '../ranges.ts'
import type { TemporaryProjection } from '../temporary-projection.ts'

type Row = Readonly<Record<string, unknown>>

/** A row that is not what the log says. */
export interface RowDifference {
  readonly table: string
  /** The columns of its key. */
  readonly key: Row
  /** What differs, by column: as the table has it, and as the log does. A row that only one has has all its columns here. */
  readonly columns: Readonly<Record<string, { readonly table: unknown; readonly log: unknown }>>
  readonly only?: 'table' | 'log'
}

export interface ProjectionVerdict {
  readonly projection: string
  /** By shard: the position up to which all of it was compared. Parts of it may have been as of later ones. */
  readonly positions: Readonly<Record<number, number>>
  readonly rows: number
  /** How many rows differ, and the first of them. */
  readonly differing: number
  readonly differences: readonly RowDifference[]
  /** The mapping cannot be applied to this log, and why; nothing was compared then. */
  readonly failure?: string
}

/** The tail that is applied within the snapshot, at most. */
const tailEvents = 20_000
/** About as many are compared in a quarter of a second. */
const rowsAtOnce = 100_000

interface CompareOptions {
  /** Differing rows to describe; the others are only counted. */
  readonly most: number
  readonly progress?: Progress
  readonly rowsInSlice?: number
}

/** Rows of a table: so many in its key's order. */
interface Slice {
  readonly table: string
  /** The columns of its key. */
  readonly key: readonly string[]
  /** Where it begins, as SQL's condition. */
  readonly from: string
  readonly rowsInSlice: number
}

type Compared = Omit<ProjectionVerdict, 'projection' | 'failure'>

/** Brings the recomputation to where the tables stand, and compares. May be called again and again. */
export async function compareOnce(
  projection: Projection,
  temporary: TemporaryProjection,
  options: CompareOptions,
): Promise<ProjectionVerdict> {
  try {
    return await catchUpAndCompare(projection, temporary, options)
  } catch (error) {
    // Data that no mapping takes, and rows that the tables' own checks refuse.
    if (!(error instanceof postgres.PostgresError) || !/^2[23]/.test(error.code)) throw error
    const { name } = projection
    const none = { positions: {}, rows: 0, differing: 0, differences: [] }
    return { projection: name, ...none, failure: error.message }
  }
}

async function catchUpAndCompare(
  projection: Projection,
  temporary: TemporaryProjection,
  { most, progress = () => {}, rowsInSlice = rowsAtOnce }: CompareOptions,
): Promise<ProjectionVerdict> {
  const { sql } = temporary
  for (;;) {
    const targets = await standing(sql, projection)
    if (
      targets.every(({ shard, position }) => position - temporary.position(shard) <= tailEvents)
    ) {
      return compareSlices(projection, temporary, { most, rowsInSlice })
    }
    const total = targets.reduce((sum, { position }) => sum + position, 0)
    for (const { shard, position } of targets) {
      await temporary.advance(shard, position, () => {
        const done = targets.reduce((sum, each) => sum + temporary.position(each.shard), 0)
        progress(projection.name, total, done)
      })
    }
  }
}

/** How far the tables in service have come, by shard. */
async function standing(
  sql: Sql,
  { name, mode, version }: Projection,
): Promise<{ shard: number; position: number }[]> {
  const rows = await sql<{ shard: number; position: number; version: number }[]>`
    select h.shard, case when ${mode === 'inline'} then h.position else c.position end as position, c.version
    from heads h join projection_checkpoints c on c.shard = h.shard and c.projection = ${name}
    order by h.shard`
  const other = rows.find((row) => row.version !== version)
  if (other || rows.length === 0) {
    throw new Error(
      `${name} is in version ${other?.version ?? 'none'} here, and this program has ${version}: run "tollbook migrate"`,
    )
  }
  return [...rows]
}

async function compareSlices(
  projection: Projection,
  temporary: TemporaryProjection,
  { most, rowsInSlice }: { readonly most: number; readonly rowsInSlice: number },
): Promise<ProjectionVerdict> {
  let [rows, differing] = [0, 0]
  let positions: ProjectionVerdict['positions'] | undefined
  const differences: RowDifference[] = []
  for (const table of tablesOf(projection)) {
    const key = await keyOf(temporary.sql, table)
    let from: string | undefined = 'true'
    while (from !== undefined) {
      const slice: Slice = { table, key, from, rowsInSlice }
      const found = await compare(projection, temporary, slice, most - differences.length)
      positions ??= found.positions
      rows += found.rows
      differing += found.differing
      differences.push(...found.differences)
      from = found.end && `(${key.join(', ')}) > (${found.end})`
    }
  }
  return { projection: projection.name, positions: positions ?? {}, rows, differing, differences }
}

/** Compares a slice; answers where it ends too, unless it is the last one. */
function compare(
  projection: Projection,
  temporary: TemporaryProjection,
  slice: Slice,
  most: number,
): Promise<Compared & { readonly end: string | undefined }> {
  const inService = `${temporary.place.ledger}.${slice.table}`
  return temporary.sql.begin('isolation level repeatable read', async (transaction) => {
    const tx = transaction as unknown as Sql
    // Before the snapshot, so that no rebuild exchanges the table after it.
    await tx.unsafe(`lock table ${inService} in access share mode; set local work_mem = '64MB'`)
    const targets = await standing(tx, projection)
    for (const { shard, position } of targets) await tx.unsafe(temporary.rest(shard, position))
    const positions = Object.fromEntries(targets.map(({ shard, position }) => [shard, position]))
    const end = await endOf(tx, slice)
    const found = await differencesOf(tx, inService, { ...slice, end }, most)
    return { positions, end, ...found }
  }) as Promise<Compared & { end: string | undefined }>
}

/** The key with which a slice of the log's rows ends; nothing where they are fewer. */
async function endOf(
  tx: Sql,
  { table, key, from, rowsInSlice }: Slice,
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
      order by ${columns} offset ${rowsInSlice - 1} limit 1
    ) last_one;
    set local enable_sort = on`)
  const [, rows] = results as unknown as [unknown, { end: string }[]]
  return rows[0]?.end
}

async function differencesOf(
  tx: Sql,
  inService: string,
  { table, key, from, end }: Slice & { readonly end: string | undefined },
  most: number,
): Promise<Omit<Compared, 'positions'>> {
  const columns = key.join(', ')
  const where = end === undefined ? from : `${from} and (${columns}) <= (${end})`
  const joined = `(select t as is, t.* from ${inService} t where ${where}) t
    full join (select l as is, l.* from pg_temp.${table} l where ${where}) l using (${columns})`
  const [counted] = await tx.unsafe<[{ rows: number; differing: number }]>(`
    select count(t.is) as rows, count(*) filter (where t.is is distinct from l.is) as differing
    from ${joined}`)
  if (counted.differing === 0) return { ...counted, differences: [] }
  const rows = await tx.unsafe<{ in_table: Row | null; in_log: Row | null }[]>(`
    select to_jsonb(t.is) as in_table, to_jsonb(l.is) as in_log
    from ${joined} where t.is is distinct from l.is
    order by ${columns} limit ${Math.max(most, 0)}`)
  const differences = rows.map((row) => describe(table, key, row.in_table, row.in_log))
  return { ...counted, differences }
}

/** The columns of a table's key: of the temporary one, which no rebuild exchanges. */
async function keyOf(sql: Sql, table: string): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select a.attname as name
    from pg_index i
    cross join unnest(i.indkey::smallint[]) with ordinality as k (number, nth)
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
    where i.indrelid = ${`pg_temp.${table}`}::regclass and i.indisprimary
    order by k.nth`
  return rows.map(({ name }) => name)
}

function describe(
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
