/**
 * A lane driven by hand: a test says which items are one batch, and under which number it is sent. What
 * the appender does of its own accord (group, number, repeat, split) does not happen here.
 */
import { appendStatement, pack } from '../../src/ledger/append/batch.ts'
import type { CallItem, Verdict } from '../../src/ledger/append/call-commands.ts'
import type { Sql } from '../../src/ledger/connect.ts'

export interface BatchAnswer {
  readonly outcome: 'appended' | 'repeated' | 'superseded' | 'unknown_lane'
  readonly recorded_at: Date | null
  readonly verdicts: Verdict[] | null
  readonly positions: number[] | null
  readonly available: number[] | null
}

export interface Lane {
  readonly lane: string
  /** The number of the last batch sent without a number of its own. */
  readonly seq: number
  /** Sends one batch, under the next number unless told; over another connection when given one. */
  send(
    items: readonly CallItem[],
    options?: { readonly seq?: number; readonly over?: Sql },
  ): Promise<BatchAnswer>
  /** The verdicts of one batch. */
  verdicts(items: readonly CallItem[]): Promise<Verdict[]>
}

export async function openLane(sql: Sql, shard = 0, instance = 'by-hand'): Promise<Lane> {
  const lane = crypto.randomUUID()
  await sql`select open_lane_v1(${shard}::smallint, ${lane}::uuid, ${instance})`
  let last = 0

  const send: Lane['send'] = async (items, { seq = ++last, over = sql } = {}) => {
    const [row] = await sendBatch(over, { shard, lane, seq, instance }, items)
    return row as BatchAnswer
  }

  return {
    lane,
    get seq() {
      return last
    },
    send,
    verdicts: async (items) => (await send(items)).verdicts ?? [],
  }
}

/** The bare call of append_v1. */
export function sendBatch(
  sql: Sql,
  head: { shard: number; lane: string; seq: number; instance: string },
  items: readonly CallItem[],
) {
  const { shard, lane, seq, instance } = head
  return sql.unsafe<BatchAnswer[]>(appendStatement, [shard, lane, seq, instance, ...pack(items)], {
    prepare: true,
  })
}
