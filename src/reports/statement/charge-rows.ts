import type { Sql } from '../../ledger/connect.ts'
import type { Micros } from '../log-reader/micros.ts'
import type { Period } from '../log-reader/period.ts'
import type { AccountRange } from '../log-reader/read-in-ranges.ts'
import { isBetween, isInRange } from './range-conditions.ts'

/** The settlement of one call. */
export interface ChargeRow {
  readonly position: number
  readonly occurredAt: Micros
  readonly requestId: string
  readonly keyId: string
  readonly endpoint: string
  readonly credits: number
  readonly quantity: number
  /** Hash of the tariff that priced the call. */
  readonly tariff: string
}

/** The charges of a period, one by one. */
export function readChargeRows(
  sql: Sql,
  range: AccountRange,
  period: Period,
): Promise<ChargeRow[]> {
  return sql<ChargeRow[]>`
    select position, (extract(epoch from occurred_at) * 1000000)::float8 as "occurredAt",
      request_id as "requestId", key_id as "keyId", endpoint, credits, quantity, tariff
    from events
    where ${isInRange(sql, range)} and type = 'HoldSettled' and ${isBetween(sql, period.start, period.end)}
    order by position`
}
