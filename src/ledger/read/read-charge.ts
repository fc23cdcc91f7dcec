import { isOpeningOrNot } from '../../../events/openings.ts'
import type { Sql } from '../connect.ts'

/** In which shard a charge stands, and whose it is; undefined: no call of this id was charged. */
export async function readCharge(
  sql: Sql,
  requestId: string,
): Promise<{ readonly shard: number; readonly accountId: string } | undefined> {
  const [row] = await sql<{ shard: number; accountId: string }[]>`
    select shard, account_id as "accountId" from events
    where request_id = ${requestId} and type = 'HoldSettled'
      and ${sql.unsafe(isOpeningOrNot)} limit 1`
  return row
}
