import type { Sql } from '../../src/ledger/connect.ts'
import { catchUp } from '../../src/projector/catch-up.ts'

/** Brings every catch-up projection to the log's end. */
export async function catchUpAll(sql: Sql, shards: readonly number[] = [0]): Promise<void> {
  while ((await catchUp(sql, shards)) > 0);
}
