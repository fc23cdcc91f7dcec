/**
 * Any gateway expires the holds of a gateway that died. A hold is expired once, because the ledger deletes an open hold only
 * once; it is uncharged, unless an extension said what was sent. Of gateways that try the same hold at the same time, all but one get `hold_not_open`.
 */
import type { Sql } from '../connect.ts'
import { readOverdueHolds } from '../read/read-overdue-holds.ts'
import type { Appender } from './appender.ts'

const maxHolds = 500

/** Expires overdue holds of a shard, and returns how many this gateway expired. */
export async function expireHolds(sql: Sql, shard: number, appender: Appender): Promise<number> {
  const overdue = await readOverdueHolds(sql, shard, maxHolds)
  const results = await Promise.all(
    overdue.map((hold) => appender.append({ kind: 'expire', ...hold, actor: 'gateway' })),
  )
  return results.filter(({ verdict }) => verdict === 'ok').length
}
