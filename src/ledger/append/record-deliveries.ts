import type { Sql } from '../connect.ts'
import type { Deliveries } from './deliveries.ts'

/** Records what became of the responses of a gateway's charges. */
export async function recordDeliveries(
  sql: Sql,
  shard: number,
  instance: string,
  deliveries: Deliveries,
): Promise<void> {
  const report = deliveries.report()
  for (const position of report.withheld) {
    await sql`select withheld_v1(${shard}::smallint, ${position})`
  }
  await sql`select delivered_v1(${shard}::smallint, ${instance}, ${report.delivered})`
  deliveries.onRecorded(report)
}
