import type { Sql } from '../connect.ts'

/** The time by the ledger's clock. */
export async function readClock(sql: Sql): Promise<Date> {
  const [row] = await sql<[{ now: Date }]>`select ledger_now() as now`
  return row.now
}
