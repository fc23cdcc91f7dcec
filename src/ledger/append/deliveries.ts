/**
 * How far this gateway's charges are delivered. An answer leaves as soon as its charge is written, so what
 * was charged a while ago has left; the ledger is told so once a second, beside the log. A gateway that dies
 * thereby leaves a mark: what it charged after it may not have arrived, and is shown as such. So is what it
 * charged for an answer that it kept back, which the ledger is told before.
 */
import type { Sql } from '../connect.ts'

export interface Deliveries {
  /** A charge was written, and its answer leaves now. */
  charged(shard: number, position: number): void
  /** A charge was written, and its answer does not leave. */
  withheld(shard: number, position: number): void
  /** Tells the ledger of what was charged before the last time this was called. */
  note(): Promise<void>
  /** Tells it of everything: the gateway has nothing under way any more. */
  noteAll(): Promise<void>
}

/** Begins the marks of this instance, so that it is known from its first charge on. */
export async function openDeliveries(
  sql: Sql,
  instance: string,
  shards: readonly number[],
): Promise<Deliveries> {
  const marks = new Map(
    shards.map((shard) => [shard, { charged: 0, earlier: 0, noted: 0, withheld: [] as number[] }]),
  )
  const tell = (shard: number, position: number) =>
    sql`select delivered_v1(${shard}::smallint, ${instance}, ${position})`
  for (const shard of shards) await tell(shard, 0)

  async function note(): Promise<void> {
    for (const [shard, mark] of marks) {
      for (let position = mark.withheld[0]; position !== undefined; position = mark.withheld[0]) {
        await sql`select withheld_v1(${shard}::smallint, ${position})`
        mark.withheld.shift()
      }
      const { earlier, charged } = mark
      if (earlier > mark.noted) {
        await tell(shard, earlier)
        mark.noted = earlier
      }
      mark.earlier = charged
    }
  }

  return {
    charged(shard, position) {
      const mark = marks.get(shard)
      if (mark) mark.charged = Math.max(mark.charged, position)
    },
    withheld(shard, position) {
      const mark = marks.get(shard)
      if (!mark) return
      mark.withheld.push(position)
      mark.charged = Math.max(mark.charged, position)
    },
    note,
    async noteAll() {
      await note()
      await note()
    },
  }
}
