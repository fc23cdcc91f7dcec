import type { Sql } from '../connect.ts'

/** Makes the log's partitions ahead of the positions that need them. Of gateways that do so at once, one makes them. */
export async function extendPartitions(sql: Sql): Promise<void> {
  await sql`select extend_partitions()`
}
