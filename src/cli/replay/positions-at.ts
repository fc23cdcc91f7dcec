/** The point of the log that `tollbook replay --as-of` names. */
import { type LogPosition, parsePosition } from '../../../events/event.ts'
import type { Sql } from '../../ledger/connect.ts'
import { readHeads } from '../../ledger/read/read-heads.ts'
import { positionAt } from '../../reports/log-reader/position-at.ts'
import { parseTime } from '../options/option-values.ts'
import { UsageError } from '../usage-error.ts'

/**
 * The last event of each shard at a time. Where `when` is a position, it names one shard, and only that position is
 * returned.
 * @throws UsageError when the log is not that long
 */
export async function positionsAt(sql: Sql, when: string): Promise<LogPosition[]> {
  const heads = await readHeads(sql)
  const named = parsePosition(when)
  if (named) {
    const head = heads.find(({ shard }) => shard === named.shard)
    if (!head) throw new UsageError(`this ledger has no shard ${named.shard}.`)
    if (named.position > head.position) {
      throw new UsageError(`the log ends at ${named.shard}-${head.position}, before ${when}.`)
    }
    return [named]
  }
  const time = parseTime('--as-of', when, 'past', new Date())
  // Events that were recorded in this very millisecond are included.
  const firstAfter = new Date(time.getTime() + 1)
  return Promise.all(
    heads.map(async ({ shard }) => ({
      shard,
      position: (await positionAt(sql, shard, firstAfter)) - 1,
    })),
  )
}
