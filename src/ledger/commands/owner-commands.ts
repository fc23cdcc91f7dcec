/** What only the owner of the schema may decide about the log. Each is an event. */
import type { Sql } from '../connect.ts'

/**
 * The events from here on, which a gateway has seen, are lost. Gateways sell again. Refused where the ledger's clock has jumped
 * and is not this machine's.
 */
export async function acceptLoss(sql: Sql, shard: number, reason: string): Promise<void> {
  await sql`select accept_loss_v1(${shard}::smallint, 'cli', ${new Date()}, ${reason}, 'cli')`
}

/** The ledger's clock is right where those of gateways disagree with it. Gateways sell again. */
export async function confirmClock(sql: Sql, shard: number, reason: string): Promise<void> {
  await sql`select confirm_clock_v1(${shard}::smallint, 'cli', ${reason}, 'cli')`
}
