/**
 * Builds projections anew from the log, beside the tables in service, and swaps the new tables in when they have
 * caught up.
 *
 *   1. Shadow tables are made in a schema of their own, `<ledger>_replay` (shadow-tables.ts). They have no secondary
 *      indexes yet. They are unlogged, as the table of the rebuild's progress is: a crash of PostgreSQL empties all of
 *      them, and the rebuild begins again.
 *   2. The log is applied range by range (shadow-projection.ts). Rows and progress move in one transaction, so an
 *      interrupted rebuild goes on where it stopped. Nobody waits for any of this.
 *   3. The tables become logged, indexes and statistics are made, and what was appended meanwhile is applied.
 *   4. The last few events are applied and the tables are swapped in one transaction (swap-statements.ts). It holds the
 *      locks that whoever writes the tables in service takes: those of the shards, or the row of the projection
 *      checkpoint. A reader has the old tables or the new ones. If a reader keeps the old ones longer than a moment,
 *      the swap gives way to everybody else and is tried again (swap.ts).
 *
 * Two rebuilds of one projection cannot mix: a range is applied only where the last one ended.
 */
import type { Projection } from '../../../projections/projection.ts'
import { connect, defaultSchema } from '../../ledger/connect.ts'
import { requireOwnerRights } from '../../ledger/migrate/owner-rights.ts'
import { weightOf } from '../apply-range.ts'
import type { Progress } from '../progress.ts'
import { runConcurrently } from '../run-concurrently.ts'
import { buildShadow } from './shadow-projection.ts'
import { dropReplaySchema } from './shadow-tables.ts'
import { swap } from './swap.ts'

interface RebuildOptions {
  /** The URL of the schema's owner. */
  readonly url: string
  readonly schema?: string | undefined
  readonly progress?: Progress
}

interface Rebuilt {
  readonly projection: string
  readonly events: number
  readonly resumed: boolean
  /** For how long appends (or whatever applies events to the projection) stood still. */
  readonly swapMs: number
}

/**
 * Rebuilds one projection and puts it in service.
 * @throws RightsMissing before anything is written
 */
export async function rebuild(
  projection: Projection,
  { url, schema = defaultSchema, progress }: RebuildOptions,
): Promise<Rebuilt> {
  const sql = connect({ url, schema, as: 'owner', max: 1 })
  try {
    await requireOwnerRights(sql, schema, 'rebuild')
    const shadow = await buildShadow(sql, projection, schema, progress)
    const swapMs = await swap([shadow], (texts) => sql.unsafe(texts.join(';\n')))
    await sql.unsafe(dropReplaySchema(schema))
    const { events, resumed } = shadow
    return { projection: projection.name, events, resumed, swapMs }
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** Rebuilds projections, two at a time; progress is that of all of them together. */
export function rebuildAll(
  projections: readonly Projection[],
  { progress, ...options }: RebuildOptions,
): Promise<Rebuilt[]> {
  const jobs = projections.map((projection) => ({
    name: projection.name,
    weight: weightOf(projection),
    work: (progress: Progress) => rebuild(projection, { ...options, progress }),
  }))
  return runConcurrently('replay', jobs, progress)
}
