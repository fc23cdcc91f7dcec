/** The charges of an account, page by page, the newest first. */

import { type LogPosition, type Mode, printPosition } from '../../../events/event.ts'
import { isOpening } from '../../../events/openings.ts'
import type { Sql } from '../../ledger/connect.ts'
import { findFirstEvent } from '../log-reader/find-account.ts'

/** A call that was charged. Positions are printed, times are ISO 8601 in UTC. */
export interface ListedCharge {
  readonly requestId: string
  readonly keyId: string
  readonly mode: Mode
  readonly endpoint: string
  readonly credits: number
  readonly refunded: number
  readonly quantity: number
  /** Hash of the tariff that priced the call. */
  readonly tariff: string
  readonly settledAt: string
  readonly position: string
}

export interface ChargePage {
  readonly charges: readonly ListedCharge[]
  /** Where the next page begins: pass it as `before`. Absent where nothing older is left. */
  readonly next?: LogPosition
}

/**
 * So many events of an account one page looks through at most. A page may so have fewer charges than its limit, or none,
 * although more follow.
 */
const maxScanned = 2_000

/** @param limit at least 1 */
export async function readChargePage(
  sql: Sql,
  accountId: string,
  { before, limit }: { readonly before?: LogPosition | undefined; readonly limit: number },
): Promise<ChargePage> {
  const shard = (await findFirstEvent(sql, accountId))?.shard
  if (shard === undefined || (before && before.shard !== shard)) return { charges: [] }
  const older = before ? sql`and position < ${before.position}` : sql``
  const [oldest] = await sql<{ position: number }[]>`
    select position from events where account_id = ${accountId} and shard = ${shard} ${older}
    order by position desc offset ${maxScanned - 1} limit 1`
  const rows = await sql<(Omit<ListedCharge, 'settledAt' | 'position'> & Settled)[]>`
    select request_id as "requestId", key_id as "keyId", mode, endpoint, credits, quantity, tariff,
      recorded_at as "recordedAt", position,
      (select coalesce(sum(r.credits), 0)::bigint from events r
        where r.request_id = e.request_id and r.type = 'ChargeRefunded' and not ${sql.unsafe(isOpening)}) as refunded
    from events e
    where account_id = ${accountId} and shard = ${shard} ${older}
      and position >= ${oldest?.position ?? 1} and type = 'HoldSettled'
    order by position desc limit ${limit + 1}`
  const charges = rows.slice(0, limit).map(({ recordedAt, position, ...charge }) => ({
    ...charge,
    settledAt: recordedAt.toISOString(),
    position: printPosition({ shard, position }),
  }))
  const last = rows.length > limit ? rows[limit - 1]?.position : oldest?.position
  return { charges, ...(last !== undefined && { next: { shard, position: last } }) }
}

interface Settled {
  readonly recordedAt: Date
  readonly position: number
}
