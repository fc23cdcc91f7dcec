/**
 * Whether projections' tables are what their mappings make of the log.
 *
 * The log is applied to temporary tables almost to its end. Then a short snapshot sees the tables in service and the
 * position that they stand at; the last events are applied up to exactly there, and the two are compared. Tables are
 * compared one by one, and large ones slice by slice along their key. Each slice has a snapshot of its own, as of the
 * position that the tables have come to by then, so no snapshot lives long. Appends go on meanwhile. Rows that add up are only
 * collected until they are compared (collected-table.ts). Projections that few events concern go through the log together.
 */
import postgres from 'postgres'
import { addedColumns } from '../../../projections/adding-up.ts'
import type { Projection } from '../../../projections/projection.ts'
import type { Sql } from '../../ledger/connect.ts'
import { bulkSettings, concernsFewEvents, weightOf } from '../apply-range.ts'
import { readKeyColumns } from '../key-columns.ts'
import type { Progress } from '../progress.ts'
import { tablesOf } from '../projection-tables.ts'
import { openTemporaryProjections, type TemporaryProjections } from '../temporary-projections.ts'
import type { TemporaryOptions } from '../temporary-tables.ts'
import {
  addedUp,
  addUpWhereDoubled,
  type CollectedTable,
  collecting,
  collectRows,
} from './collected-table.ts'
import {
  compareSlice,
  type RowDifference,
  readSliceEnd,
  type Slice,
  type SliceComparison,
} from './compare-slice.ts'

export interface ProjectionVerification {
  readonly projection: string
  /** By shard: the position up to which all of it was compared. Parts of it may have been as of later ones. */
  readonly positions: Readonly<Record<number, number>>
  readonly rows: number
  /** How many rows differ, and the first of them. */
  readonly differing: number
  readonly differences: readonly RowDifference[]
  /** Why the mapping cannot be applied to this log; nothing was compared then. */
  readonly failure?: string
}

/** Events that are applied within the snapshot. */
const maxEventsInSnapshot = 20_000
/** Rows of a slice: about as many are compared in a quarter of a second. */
const defaultMaxRows = 100_000

/** Projections that are compared with what the log makes of them, on one connection. */
export interface ComparedProjections {
  readonly projections: readonly Projection[]
  readonly temporary: TemporaryProjections
  readonly collected: readonly CollectedTable[]
  /** Bytes of the parts of collected tables when their rows were added up last. */
  readonly sizes: Map<string, number>
  readonly options: CompareOptions
  /** Each by itself, since the log did not fit one of them: those that have been compared so far. */
  separate?: ComparedProjections[]
}

interface CompareOptions extends TemporaryOptions {
  /** Rows of a slice. */
  readonly maxRows?: number
  /** Differing rows of a projection to describe; the others are only counted. */
  readonly maxDescribed: number
}

/** Which projections go through the log together. */
export function groupProjections(projections: readonly Projection[]): Projection[][] {
  const sharesPass = (each: Projection) => each.mode === 'inline' && concernsFewEvents(each)
  const sharing = projections.filter(sharesPass)
  const others = projections.filter((each) => !sharesPass(each)).map((each) => [each])
  return sharing.length > 0 ? [sharing, ...others] : others
}

export async function openComparedProjections(
  projections: readonly Projection[],
  options: CompareOptions,
): Promise<ComparedProjections> {
  const { maxRows = defaultMaxRows } = options
  const temporary = await openTemporaryProjections(projections.map(collecting), options)
  try {
    const collected: CollectedTable[] = []
    for (const projection of projections) {
      collected.push(...(await collectRows(temporary, projection, maxRows)))
    }
    return { projections, temporary, collected, sizes: new Map(), options }
  } catch (error) {
    await temporary.close()
    throw error
  }
}

export async function closeComparedProjections({
  temporary,
  separate = [],
}: ComparedProjections): Promise<void> {
  await Promise.all([temporary.close(), ...separate.map(closeComparedProjections)])
}

/** How much work they are, roughly. */
export function weightOfAll({ projections }: ComparedProjections): number {
  return Math.max(...projections.map(weightOf))
}

/** Brings the temporary tables to where the tables in service stand, and compares. May be called again and again. */
export async function compareProjections(
  compared: ComparedProjections,
  progress: Progress = () => {},
): Promise<ProjectionVerification[]> {
  const { projections, temporary, collected, sizes } = compared
  if (compared.separate) return compareSeparately(compared, compared.separate, progress)
  try {
    for (const table of collected) await addUpWhereDoubled(temporary, table, sizes)
    await catchUp(compared, progress)
    const verifications: ProjectionVerification[] = []
    for (const projection of projections) {
      verifications.push(await compareTables(compared, projection))
    }
    return verifications
  } catch (error) {
    if (!isRefusedData(error)) throw error
    const [projection, ...others] = projections as [Projection, ...Projection[]]
    if (others.length > 0) {
      compared.separate = []
      await temporary.close()
      return compareSeparately(compared, compared.separate, progress)
    }
    const nothing = { positions: {}, rows: 0, differing: 0, differences: [] }
    return [{ projection: projection.name, ...nothing, failure: error.message }]
  }
}

/** What the log does not fit must not keep others from being compared. Each is opened when its turn comes. */
async function compareSeparately(
  { projections, options }: ComparedProjections,
  separate: ComparedProjections[],
  progress: Progress,
): Promise<ProjectionVerification[]> {
  const verifications: ProjectionVerification[] = []
  for (const [i, projection] of projections.entries()) {
    const each = separate[i] ?? (await openComparedProjections([projection], options))
    separate[i] = each
    verifications.push(...(await compareProjections(each, progress)))
  }
  return verifications
}

/** Data that no mapping takes (class 22), or rows that the tables' own checks refuse (class 23). */
function isRefusedData(error: unknown): error is postgres.PostgresError {
  return error instanceof postgres.PostgresError && /^2[23]/.test(error.code)
}

/** Applies the log until so little is missing that a snapshot can wait for it. */
async function catchUp(
  { projections, temporary }: ComparedProjections,
  progress: Progress,
): Promise<void> {
  const [first] = projections as [Projection]
  for (const other of projections.slice(1)) await positionsInService(temporary.sql, other)
  for (;;) {
    const targets = await positionsInService(temporary.sql, first)
    const left = targets.map(({ shard, position }) => position - temporary.position(shard))
    if (left.every((events) => events <= maxEventsInSnapshot)) return
    const total = targets.reduce((sum, { position }) => sum + position, 0)
    for (const { shard, position } of targets) {
      await temporary.advanceTo(shard, position, () => {
        const done = targets.reduce((sum, each) => sum + temporary.position(each.shard), 0)
        progress(first.name, total, done)
      })
    }
  }
}

/** How far the tables in service have come, by shard. */
async function positionsInService(
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

async function compareTables(
  compared: ComparedProjections,
  projection: Projection,
): Promise<ProjectionVerification> {
  const { maxDescribed } = compared.options
  let [rows, differing] = [0, 0]
  let positions: ProjectionVerification['positions'] | undefined
  const differences: RowDifference[] = []
  const compare = async (table: string, sliceOf: SliceOf) => {
    const left = maxDescribed - differences.length
    const found = await compareInSnapshot(compared, projection, table, sliceOf, left)
    positions ??= found.positions
    rows += found.rows
    differing += found.differing
    differences.push(...found.differences)
  }
  for (const table of tablesOf(projection)) {
    const collected = compared.collected.find(({ adds }) => adds.table === table)
    if (collected) {
      for (const part of collected.parts) {
        await compare(table, async () => partOf(compared, collected, part))
      }
    } else await compareAlongKey(compared, table, compare)
  }
  return { projection: projection.name, positions: positions ?? {}, rows, differing, differences }
}

/** Finds the slice in the snapshot in which it is compared. */
type SliceOf = (tx: Sql) => Promise<Slice>

function partOf(
  { temporary }: ComparedProjections,
  { adds }: CollectedTable,
  where: string,
): Slice {
  const { table, key } = adds
  const columns = addedColumns(adds).join(', ')
  const inService = `select ${columns} from ${temporary.searchPath.ledger}.${table} where ${where}`
  return { table, key, inService, inLog: addedUp(adds, where) }
}

async function compareAlongKey(
  { temporary, options: { maxRows = defaultMaxRows } }: ComparedProjections,
  table: string,
  compare: (table: string, sliceOf: SliceOf) => Promise<void>,
): Promise<void> {
  const key = await readKeyColumns(temporary.sql, table)
  const columns = key.join(', ')
  let from: string | undefined = 'true'
  while (from !== undefined) {
    const begin: string = from
    await compare(table, async (tx) => {
      const end = await readSliceEnd(tx, { table, key }, begin, maxRows)
      const where = end === undefined ? begin : `${begin} and (${columns}) <= (${end})`
      from = end && `(${columns}) > (${end})`
      const rowsIn = (schema: string) => `select * from ${schema}.${table} where ${where}`
      const [inService, inLog] = [rowsIn(temporary.searchPath.ledger), rowsIn('pg_temp')]
      return { table, key, inService, inLog }
    })
  }
}

/** Brings the temporary tables to exactly where a snapshot sees the tables in service, and compares a slice in it. */
function compareInSnapshot(
  { temporary }: ComparedProjections,
  projection: Projection,
  table: string,
  sliceOf: SliceOf,
  maxDescribed: number,
): Promise<SliceComparison & Pick<ProjectionVerification, 'positions'>> {
  const { ledger } = temporary.searchPath
  return temporary.sql.begin('isolation level repeatable read', async (transaction) => {
    const tx = transaction as unknown as Sql
    // The lock comes before the snapshot, so that no rebuild swaps the table after it.
    await tx.unsafe(`lock table ${ledger}.${table} in access share mode`)
    const targets = await positionsInService(tx, projection)
    for (const { shard, position } of targets) {
      await tx.unsafe(temporary.finalRange(shard, position))
    }
    await tx.unsafe(bulkSettings.join(';\n'))
    const positions = Object.fromEntries(targets.map(({ shard, position }) => [shard, position]))
    return { positions, ...(await compareSlice(tx, await sliceOf(tx), maxDescribed)) }
  }) as Promise<SliceComparison & Pick<ProjectionVerification, 'positions'>>
}
