/** The log's partitions, made ahead of the positions that need them; gateways that try at once do it once. */
import type { Sql } from '../connect.ts'

export async function extendPartitions(sql: Sql): Promise<void> {
  await sql`select extend_partitions()`
}
