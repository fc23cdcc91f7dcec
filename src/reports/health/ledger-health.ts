/** How the ledger and its gateways stand, for operators. */
import type { Sql } from '../../ledger/connect.ts'

export interface LedgerHealth {
  readonly readAt: string
  readonly shards: readonly {
    readonly shard: number
    readonly position: number
    readonly recordedAt: string
    /** How the log was found to be another one than a gateway has seen; null: it was not. */
    readonly divergence: string | null
  }[]
  /** Gateways that appended within the last day, the latest first. */
  readonly gateways: readonly {
    readonly instance: string
    readonly shard: number
    readonly appendedAt: string
    /** When another gateway found it silent and shut it out. */
    readonly fencedAt: string | null
  }[]
}

const maxGateways = 100

export async function readLedgerHealth(sql: Sql): Promise<LedgerHealth> {
  const [clock] = await sql<[{ now: Date }]>`select ledger_now() as now`
  const shards = await sql<
    { shard: number; position: number; at: Date; divergence: string | null }[]
  >`
    select shard, position, recorded_at as at, divergence from heads order by shard`
  const gateways = await sql<{ instance: string; shard: number; at: Date; fenced: Date | null }[]>`
    select instance, shard, recorded_at as at, fenced_at as fenced from producers
    where recorded_at > ledger_now() - interval '1 day'
    order by recorded_at desc, instance limit ${maxGateways}`
  return {
    readAt: clock.now.toISOString(),
    shards: shards.map(({ at, ...shard }) => ({ ...shard, recordedAt: at.toISOString() })),
    gateways: gateways.map(({ at, fenced, ...gateway }) => ({
      ...{ ...gateway, appendedAt: at.toISOString() },
      fencedAt: fenced?.toISOString() ?? null,
    })),
  }
}
