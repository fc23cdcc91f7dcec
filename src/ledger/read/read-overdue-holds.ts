import type { Mode } from '../../../events/event.ts'
import type { Sql } from '../connect.ts'

/** An open hold or lease whose time is over. */
export interface OverdueHold {
  readonly requestId: string
  readonly accountId: string
  readonly keyId: string
  readonly mode: Mode
  /** null: a lease. */
  readonly endpoint: string | null
  readonly tariff: string
}

export function readOverdueHolds(sql: Sql, shard: number, max: number): Promise<OverdueHold[]> {
  return sql<OverdueHold[]>`
    select hold_id as "requestId", account_id as "accountId", key_id as "keyId", mode, endpoint, tariff
    from overdue_holds_v1(${shard}::smallint, ${max})`
}
