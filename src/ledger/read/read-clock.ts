/** The ledger's clock, for whoever needs its time and nothing else. */
import type { Sql } from '../connect.ts'

export async function readClock(sql: Sql): Promise<Date> {
  const [row] = await sql<[{ now: Date }]>`select ledger_now() as now`
  return row.now
}
