/**
 * How far this gateway's charges are delivered. A response leaves as soon as its charge is written, so a charge of a while ago
 * is delivered; once a second the gateway records in the ledger, beside the log, up to which position that is so. When a
 * gateway dies, its later charges may not be delivered, and are shown as such. The same holds for a charge whose response the
 * gateway withheld, which is recorded before.
 */
import type { Sql } from '../connect.ts'

export interface Deliveries {
  /** A charge was written, and its response leaves now. */
  addDelivered(shard: number, position: number): void
  /** A charge was written, and its response does not leave. */
  addWithheld(shard: number, position: number): void
  /** Records what was added before this was last called. */
  record(): Promise<void>
  /** Records everything. The gateway has no response under way any more. */
  recordAll(): Promise<void>
}

interface ShardDeliveries {
  /** The last charge. */
  latest: number
  /** The last charge when this shard was last recorded: its response has left since. */
  delivered: number
  recorded: number
  readonly withheld: number[]
}

/** Records the instance at once, so that it is known from its first charge on. */
export async function openDeliveries(
  sql: Sql,
  instance: string,
  shards: readonly number[],
): Promise<Deliveries> {
  const byShard = new Map<number, ShardDeliveries>()
  for (const shard of shards) {
    await recordDelivered(shard, 0)
    byShard.set(shard, { latest: 0, delivered: 0, recorded: 0, withheld: [] })
  }

  async function recordDelivered(shard: number, position: number): Promise<void> {
    await sql`select delivered_v1(${shard}::smallint, ${instance}, ${position})`
  }

  async function record(): Promise<void> {
    for (const [shard, deliveries] of byShard) {
      const { withheld } = deliveries
      for (let position = withheld[0]; position !== undefined; position = withheld[0]) {
        await sql`select withheld_v1(${shard}::smallint, ${position})`
        withheld.shift()
      }
      const { delivered, latest } = deliveries
      if (delivered > deliveries.recorded) {
        await recordDelivered(shard, delivered)
        deliveries.recorded = delivered
      }
      deliveries.delivered = latest
    }
  }

  return {
    addDelivered(shard, position) {
      const deliveries = byShard.get(shard)
      if (deliveries) deliveries.latest = Math.max(deliveries.latest, position)
    },
    addWithheld(shard, position) {
      const deliveries = byShard.get(shard)
      if (!deliveries) return
      deliveries.withheld.push(position)
      deliveries.latest = Math.max(deliveries.latest, position)
    },
    record,
    async recordAll() {
      await record()
      await record()
    },
  }
}
