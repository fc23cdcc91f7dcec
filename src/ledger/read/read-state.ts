/** Figures of the ledger's state, for metrics. They are cheap enough to be read every second. */
import type { Sql } from '../connect.ts'

export interface LedgerState {
  readonly openHolds: number
  /** Open holds whose time is over, and that no gateway has expired yet. */
  readonly overdueHolds: number
  /** Partitions of the log that have no event yet. */
  readonly partitionsReady: number
  readonly heads: readonly {
    readonly shard: number
    readonly position: number
    /** How the log was found to be another one than a gateway has seen; null: it was not. */
    readonly divergence: string | null
  }[]
}

export async function readLedgerState(sql: Sql): Promise<LedgerState> {
  const [row] = await sql<[LedgerState]>`
    select open_holds as "openHolds", overdue_holds as "overdueHolds", partitions as "partitionsReady", heads
    from ledger_state_v1()`
  return row
}

/** How many accounts are on a plan now, without erased ones, and how many keys they have, without revoked ones. */
export interface PlanCount {
  readonly plan: string
  readonly accounts: number
  readonly keys: number
}

/** Reads every account and key, so it is not to be called often. */
export function countByPlan(sql: Sql): Promise<PlanCount[]> {
  return sql<PlanCount[]>`select plan, accounts, keys from plan_counts_v1()`
}
