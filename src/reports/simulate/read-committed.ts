import { printPosition } from '../../../events/event.ts'
import type { Sql } from '../../ledger/connect.ts'
import { rangesOf, type SimulationRange } from './simulation-range.ts'

/** Printed positions of what was written under an externalId since the period began, by account. */
export async function readCommitted(
  sql: Sql,
  range: SimulationRange,
  externalId: string,
): Promise<Map<string, string[]>> {
  const committed = new Map<string, string[]>()
  const { shard } = range
  for await (const { from, to } of rangesOf(sql, range)) {
    const rows = await sql<{ accountId: string; position: number }[]>`
      select account_id as "accountId", position
      from events
      where shard = ${shard} and position between ${from} and ${to}
        and type in ('CreditsGranted', 'CreditsAdjusted', 'DebtRecorded')
        and payload ->> 'externalId' = ${externalId}
      order by position`
    for (const { accountId, position } of rows) {
      const positions = committed.get(accountId) ?? []
      committed.set(accountId, [...positions, printPosition({ shard, position })])
    }
  }
  return committed
}
