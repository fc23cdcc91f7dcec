/**
 * Projections made from the log in temporary tables: to compare them with the tables in service (verify), or as they
 * stood at an earlier position (as-of). The role that reads may do this and can harm nothing, for it cannot write the
 * tables in service.
 */
import type { Projection } from '../../projections/projection.ts'
import { adaptiveBatch } from './adaptive-batch.ts'
import { applyLargeRange, applyRange } from './apply-range.ts'
import { statementsOf } from './projection-tables.ts'
import { withSearchPath } from './search-path.ts'
import {
  openTemporaryTables,
  type TemporaryOptions,
  type TemporaryTables,
} from './temporary-tables.ts'

export interface TemporaryProjections extends TemporaryTables {
  /** Applies the shard's log up to a position, range by range. */
  advanceTo(shard: number, upTo: number, progress?: (position: number) => void): Promise<void>
  /** The statements that apply the rest up to a position, for a transaction that is already open. */
  finalRange(shard: number, upTo: number): string
  /** How far the tables have come. */
  position(shard: number): number
  close(): Promise<void>
}

/** Makes the projections' empty tables on a connection of their own. */
export async function openTemporaryProjections(
  projections: readonly Projection[],
  options: TemporaryOptions,
): Promise<TemporaryProjections> {
  const tables = projections.flatMap((projection) => statementsOf(projection).tables)
  const { sql, searchPath } = await openTemporaryTables(tables, options)
  const positions = new Map<number, number>()
  const batch = adaptiveBatch()
  const position = (shard: number) => positions.get(shard) ?? 0

  return {
    sql,
    searchPath,
    position,
    async advanceTo(shard, upTo, progress = () => {}) {
      while (position(shard) < upTo) {
        const after = position(shard)
        const range = { shard, after, upTo: Math.min(after + batch.size, upTo) }
        await batch.run(async () => {
          await sql.unsafe(withSearchPath(searchPath, applyLargeRange(projections, range)))
        })
        positions.set(shard, range.upTo)
        progress(range.upTo)
      }
    },
    finalRange(shard, upTo) {
      const after = position(shard)
      positions.set(shard, upTo)
      const range = { shard, after, upTo }
      const rest = after < upTo ? projections.flatMap((each) => applyRange(each, range)) : []
      return withSearchPath(searchPath, rest)
    },
    close: () => sql.end({ timeout: 5 }),
  }
}
