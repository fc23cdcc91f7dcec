import type { Sql } from '../../ledger/connect.ts'
import { isInSpan, rangesOf, type SimulationRange } from './simulation-range.ts'

/** How many credits were refunded of each call of the period, by request id. */
export async function readRefunds(sql: Sql, range: SimulationRange): Promise<Map<string, number>> {
  const refunds = new Map<string, number>()
  const { shard, period } = range
  for await (const { from, to } of rangesOf(sql, range)) {
    const rows = await sql<{ requestId: string; credits: number }[]>`
      select request_id as "requestId", sum(credits)::bigint as credits
      from events
      where shard = ${shard} and position between ${from} and ${to} and type = 'ChargeRefunded'
        and mode = 'live' and ${isInSpan(sql, sql`(payload ->> 'chargedAt')::timestamptz`, period)}
      group by 1`
    for (const { requestId, credits } of rows) {
      refunds.set(requestId, (refunds.get(requestId) ?? 0) + credits)
    }
  }
  return refunds
}
