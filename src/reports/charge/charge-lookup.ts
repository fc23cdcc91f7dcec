/** The charge of one call, from the log: what was held for it, what became of the hold, what was refunded. */
import type { Sql } from '../../ledger/connect.ts'
import type { Charge } from './charge-shape.ts'
import { type ChargeEventRow, deliveryOf, evolveCharge } from './evolve-charge.ts'

/** @returns undefined when nothing was held for a call of this id, or it is another account's */
export async function lookUpCharge(
  sql: Sql,
  requestId: string,
  accountId?: string,
): Promise<Charge | undefined> {
  return chargeFrom(
    await sql<ChargeEventRow[]>`
      select ${columns(sql)} from charge_events(${requestId}, ${accountId ?? null})`,
  )
}

/**
 * The same of a call of a key's account, as the key itself may ask for it.
 * @param keyHash of the key's secret
 */
export async function lookUpOwnCharge(
  sql: Sql,
  keyHash: string,
  requestId: string,
): Promise<Charge | undefined> {
  return chargeFrom(
    await sql<ChargeEventRow[]>`
      select ${columns(sql)} from own_charge_v1(${keyHash}, ${requestId})`,
  )
}

function columns(sql: Sql) {
  return sql`shard, position, request_id as "requestId", type, recorded_at as "recordedAt",
    account_id as "accountId", key_id as "keyId", mode, endpoint, tariff, credits, quantity, payload, delivery,
    lease_position as "leasePosition", replayed`
}

function chargeFrom(rows: readonly ChargeEventRow[]): Charge | undefined {
  const found = rows.reduce<Charge | undefined>(evolveCharge, undefined)
  const delivery = deliveryOf(rows)
  return found && { ...found, ...(delivery && { delivery }) }
}
