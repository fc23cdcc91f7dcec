/**
 * Whether a projection's tables are what its mapping makes of the log.
 *
 * The log is applied to temporary tables almost to its end. Then a short snapshot sees the tables in service and the
 * position that they stand at; the last events are applied up to exactly there, and the two are compared. Tables are
 * compared one by one, and large ones slice by slice along their key. Each slice has a snapshot of its own, as of the
 * position that the tables have come to by then, so no snapshot lives long. Appends go on meanwhile.
 */
import postgres from 'postgres'
import type { Projection } from '../../../projections/projection.ts'
import type { Sql } from '../../ledger/connect.ts'
import { readKeyColumns } from '../key-columns.ts'
import type { Progress } from '../progress.ts'
import { tablesOf } from '../projection-tables.ts'
import type { TemporaryProjection } from '../temporary-projection.ts'
import {
  compareSlice,
  type RowDifference,
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

interface CompareOptions {
  /** Differing rows to describe; the others are only counted. */
  readonly maxDescribed: number
  readonly progress?: Progress
  /** Rows of a slice. */
  readonly maxRows?: number
}

/** Brings the temporary tables to where the tables in service stand, and compares. May be called again and again. */
export async function compareProjection(
  projection: Projection,
  temporary: TemporaryProjection,
  options: CompareOptions,
): Promise<ProjectionVerification> {
  try {
    await catchUp(projection, temporary, options.progress ?? (() => {}))
    return await compareTables(projection, temporary, options)
  } catch (error) {
    if (!isRefusedData(error)) throw error
    const nothing = { positions: {}, rows: 0, differing: 0, differences: [] }
    return { projection: projection.name, ...nothing, failure: error.message }
  }
}

/** Data that no mapping takes (class 22), or rows that the tables' own checks refuse (class 23). */
function isRefusedData(error: unknown): error is postgres.PostgresError {
  return error instanceof postgres.PostgresError && /^2[23]/.test(error.code)
}

/** Applies the log until so little is missing that a snapshot can wait for it. */
async function catchUp(
  projection: Projection,
  temporary: TemporaryProjection,
  progress: Progress,
): Promise<void> {
  for (;;) {
    const targets = await positionsInService(temporary.sql, projection)
    const left = targets.map(({ shard, position }) => position - temporary.position(shard))
    if (left.every((events) => events <= maxEventsInSnapshot)) return
    const total = targets.reduce((sum, { position }) => sum + position, 0)
    for (const { shard, position } of targets) {
      await temporary.advanceTo(shard, position, () => {
        const done = targets.reduce((sum, each) => sum + temporary.position(each.shard), 0)
        progress(projection.name, total, done)
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
  projection: Projection,
  temporary: TemporaryProjection,
  { maxDescribed, maxRows = defaultMaxRows }: CompareOptions,
): Promise<ProjectionVerification> {
  let [rows, differing] = [0, 0]
  let positions: ProjectionVerification['positions'] | undefined
  const differences: RowDifference[] = []
  for (const table of tablesOf(projection)) {
    const key = await readKeyColumns(temporary.sql, table)
    let from: string | undefined = 'true'
    while (from !== undefined) {
      const slice: Slice = { table, key, from, maxRows }
      const left = maxDescribed - differences.length
      const compared = await compareInSnapshot(projection, temporary, slice, left)
      positions ??= compared.positions
      rows += compared.rows
      differing += compared.differing
      differences.push(...compared.differences)
      from = compared.end && `(${key.join(', ')}) > (${compared.end})`
    }
  }
  return { projection: projection.name, positions: positions ?? {}, rows, differing, differences }
}

/** Brings the temporary tables to exactly where a snapshot sees the tables in service, and compares a slice in it. */
function compareInSnapshot(
  projection: Projection,
  temporary: TemporaryProjection,
  slice: Slice,
  maxDescribed: number,
): Promise<SliceComparison & Pick<ProjectionVerification, 'positions'>> {
  const { ledger } = temporary.searchPath
  return temporary.sql.begin('isolation level repeatable read', async (transaction) => {
    const tx = transaction as unknown as Sql
    // The lock comes before the snapshot, so that no rebuild swaps the table after it.
    await tx.unsafe(
      `lock table ${ledger}.${slice.table} in access share mode; set local work_mem = '64MB'`,
    )
    const targets = await positionsInService(tx, projection)
    for (const { shard, position } of targets) {
      await tx.unsafe(temporary.finalRange(shard, position))
    }
    const positions = Object.fromEntries(targets.map(({ shard, position }) => [shard, position]))
    return { positions, ...(await compareSlice(tx, ledger, slice, maxDescribed)) }
  }) as Promise<SliceComparison & Pick<ProjectionVerification, 'positions'>>
}
