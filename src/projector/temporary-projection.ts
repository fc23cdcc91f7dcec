/**
 * Projections made from the log in temporary tables, which only this connection sees and which end with it:
 * to compare with those in service (verify), or as they stood at an earlier position (as-of). The serving
 * role may do this, and can harm nothing: the tables in service are not its own to write.
 */
import type { Projection } from '../../projections/projection.ts'
import { applied, applyLargeRange, at, statementsOf } from './mapping.ts'
import { openAdaptiveBatch } from './ranges.ts'
import { openTemporary, type Temporary, type TemporaryOptions } from './temporary-tables.ts'

export interface TemporaryProjection extends Temporary {
  /** Applies the shard's log up to a position, range by range. */
  advance(shard: number, upTo: number, progress?: (position: number) => void): Promise<void>
  /** The statements that apply the rest up to a position, for a transaction of the client's. */
  rest(shard: number, upTo: number): string
  /** How far the tables have come. */
  position(shard: number): number
  close(): Promise<void>
}

/** Makes a projection's empty tables on a connection of their own. */
export async function openTemporaryProjection(
  projection: Projection,
  options: TemporaryOptions,
): Promise<TemporaryProjection> {
  const { sql, place } = await openTemporary(statementsOf(projection).tables, options)
  const positions = new Map<number, number>()
  const adaptiveBatch = openAdaptiveBatch()
  const position = (shard: number) => positions.get(shard) ?? 0

  return {
    sql,
    place,
    position,
    async advance(shard, upTo, progress = () => {}) {
      while (position(shard) < upTo) {
        const after = position(shard)
        const range = { shard, after, upTo: Math.min(after + adaptiveBatch.size, upTo) }
        await adaptiveBatch.step(async () => {
          await sql.unsafe(at(place, applyLargeRange(projection, range)))
        })
        positions.set(shard, range.upTo)
        progress(range.upTo)
      }
    },
    rest(shard, upTo) {
      const after = position(shard)
      positions.set(shard, upTo)
      return at(place, applied(projection, { shard, after, upTo }))
    },
    close: () => sql.end({ timeout: 5 }),
  }
}
