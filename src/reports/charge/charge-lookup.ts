/** The charge of one call, from the log: what was held for it, what became of the hold, what was refunded. */
import { holdTypes, typesWith } from '../../../events/event-types.ts'
import { isOpeningOrNot } from '../../../events/openings.ts'
import { typeIn } from '../../../events/type-condition.ts'
import type { Sql } from '../../ledger/connect.ts'
import type { Charge } from './charge-shape.ts'
import { type ChargeEventRow, deliveryOf, evolveCharge } from './evolve-charge.ts'

const chargeTypes = [...holdTypes, ...typesWith('moves', 'refunded')]

/** @returns undefined when nothing was held for a call of this id, or it is another account's */
export async function lookUpCharge(
  sql: Sql,
  requestId: string,
  accountId?: string,
): Promise<Charge | undefined> {
  const rows = await sql<ChargeEventRow[]>`
    select shard, position, request_id as "requestId", type, recorded_at as "recordedAt",
      account_id as "accountId", key_id as "keyId", mode, endpoint, tariff, credits, quantity, payload,
      case when type = 'HoldSettled' then delivery_of(e) end as delivery,
      (select h.position from events h where h.request_id = e.payload ->> 'lease' and h.shard = e.shard
        and h.type = 'CreditsHeld') as "leasePosition",
      exists (
        select from stored_responses a
        where e.type = 'CreditsHeld' and a.key_id = e.key_id and a.claim = e.payload ->> 'claim'
          and a.shard = e.shard and a.replayed_at is not null
      ) as replayed
    from events e
    where request_id = ${requestId} and slots is null
      and ${sql.unsafe(`${typeIn(chargeTypes)} and ${isOpeningOrNot}`)}
      ${accountId === undefined ? sql`` : sql`and account_id = ${accountId}`}
    order by shard, position`
  const found = rows.reduce<Charge | undefined>(evolveCharge, undefined)
  const delivery = deliveryOf(rows)
  return found && { ...found, ...(delivery && { delivery }) }
}
