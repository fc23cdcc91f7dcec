/** A projection built from the log in shadow tables, almost caught up with it. */
import type { Projection } from '../../../projections/projection.ts'
import type { Sql } from '../../ledger/connect.ts'
import { adaptiveBatch } from '../adaptive-batch.ts'
import { applyLargeRange } from '../apply-range.ts'
import type { Progress } from '../progress.ts'
import { type SearchPath, withSearchPath } from '../search-path.ts'
import { moveProgress, readProgress } from './rebuild-progress.ts'
import { finishShadowTables, makeShadowTables, shadowSearchPath } from './shadow-tables.ts'
import { swapStatements } from './swap-statements.ts'

/** A shard that has no more events left than this is caught up: the swap applies them while appends wait. */
const maxEventsInSwap = 2_000

export interface ShadowProjection {
  readonly projection: Projection
  /** The transaction that applies the rest of the log and swaps the tables in, as one text. */
  swapText(): Promise<string>
  /** Applies what was appended since. */
  catchUp(): Promise<void>
  /** Events applied by this run, but for those that were appended during the swap itself. */
  readonly events: number
  /** The run went on where another one had stopped. */
  readonly resumed: boolean
}

/** Makes the shadow tables and brings them almost to the log's end. */
export async function buildShadow(
  sql: Sql,
  projection: Projection,
  schema: string,
  progress: Progress = () => {},
): Promise<ShadowProjection> {
  const searchPath = shadowSearchPath(schema)
  await makeShadowTables(sql, projection, searchPath)
  const shards = await readProgress(sql, projection, searchPath)
  let events = 0
  let eventsInSwap = 0
  const catchUp = async () => {
    events += await applyNewEvents(sql, projection, searchPath, progress)
  }
  await catchUp()
  await finishShadowTables(sql, projection, searchPath)
  await catchUp()

  return {
    projection,
    resumed: shards.some(({ position }) => position > 0),
    catchUp,
    swapText: async () => {
      const shards = await readProgress(sql, projection, searchPath)
      eventsInSwap = shards.reduce((sum, { position, head }) => sum + head - position, 0)
      return withSearchPath(searchPath, swapStatements(projection, searchPath, shards))
    },
    get events() {
      return events + eventsInSwap
    },
  }
}

/** Applies the log until every shard is caught up; returns how many events that were. */
async function applyNewEvents(
  sql: Sql,
  projection: Projection,
  searchPath: SearchPath,
  progress: Progress,
): Promise<number> {
  const batch = adaptiveBatch()
  let events = 0
  for (;;) {
    const shards = await readProgress(sql, projection, searchPath)
    const total = shards.reduce((sum, { head }) => sum + head, 0)
    const done = shards.reduce((sum, { position }) => sum + position, 0)
    progress(projection.name, total, done)
    const behind = shards.find(({ position, head }) => head - position > maxEventsInSwap)
    if (!behind) return events
    const { shard, position: after, head } = behind
    const range = { shard, after, upTo: Math.min(after + batch.size, head) }
    await batch.run(async () => {
      const move = moveProgress(projection, searchPath, range)
      await sql.unsafe(withSearchPath(searchPath, [move, ...applyLargeRange([projection], range)]))
    })
    events += range.upTo - after
  }
}
