/**
 * Holds whose gateway died are expired by any other: uncharged, and once, because the ledger deletes an
 * open hold only once. Gateways that try the same hold at the same time are told `hold_not_open`.
 */

import type { Sql } from '../connect.ts'
import { readOverdueHolds } from '../read/read-for-calls.ts'
import type { Appender } from './appender.ts'

const maxAtOnce = 500

/** Expires what is overdue in a shard; answers how many holds this call expired. */
export async function expireHolds(sql: Sql, shard: number, appender: Appender): Promise<number> {
  const overdue = await readOverdueHolds(sql, shard, maxAtOnce)
  const answers = await Promise.all(
    overdue.map((hold) => appender.append({ kind: 'expire', ...hold, actor: 'gateway' })),
  )
  return answers.filter((answer) => answer.verdict === 'ok').length
}
