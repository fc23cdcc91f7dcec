import type { Sql } from '../connect.ts'

/** A time zone of budgets that the server does not know. */
export interface UnknownTimeZone {
  readonly timeZone: string
  /** How many accounts have it, and one of them. */
  readonly accounts: number
  readonly accountId: string
}

export async function readUnknownTimeZones(sql: Sql): Promise<UnknownTimeZone[]> {
  return sql<UnknownTimeZone[]>`
    select time_zone as "timeZone", accounts, account_id as "accountId" from unknown_time_zones_v1()`
}
