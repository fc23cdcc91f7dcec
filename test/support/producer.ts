/**
 * A producer driven by hand: a test says which commands are one batch, and under which number it is sent. Nothing is grouped,
 * numbered, repeated or split, as the appender would.
 */
import { appendStatement, packBatch } from '../../src/ledger/append/batch.ts'
import type { CallCommand, Verdict } from '../../src/ledger/append/call-commands.ts'
import type { Sql } from '../../src/ledger/connect.ts'

export interface BatchResult {
  readonly outcome: 'appended' | 'repeated' | 'superseded' | 'unknown_producer'
  readonly recorded_at: Date | null
  readonly verdicts: Verdict[] | null
  readonly positions: number[] | null
  readonly available: number[] | null
}

export interface Producer {
  readonly producer: string
  /** The number of the last batch sent without a number of its own. */
  readonly sequence: number
  /** Sends one batch, under the next number and over the producer's connection unless the options say otherwise. */
  send(
    commands: readonly CallCommand[],
    options?: { readonly sequence?: number; readonly over?: Sql },
  ): Promise<BatchResult>
  /** The verdicts of one batch. */
  verdicts(commands: readonly CallCommand[]): Promise<Verdict[]>
}

export async function openProducer(sql: Sql, shard = 0, instance = 'by-hand'): Promise<Producer> {
  const producer = crypto.randomUUID()
  await sql`select open_producer_v1(${shard}::smallint, ${producer}::uuid, ${instance})`
  let last = 0

  const send: Producer['send'] = async (commands, { sequence = ++last, over = sql } = {}) => {
    const [row] = await sendBatch(over, { shard, producer, sequence, instance }, commands)
    return row as BatchResult
  }

  return {
    producer,
    get sequence() {
      return last
    },
    send,
    verdicts: async (commands) => (await send(commands)).verdicts ?? [],
  }
}

/** Calls append_v1. */
export function sendBatch(
  sql: Sql,
  head: { shard: number; producer: string; sequence: number; instance: string },
  commands: readonly CallCommand[],
) {
  const { shard, producer, sequence, instance } = head
  return sql.unsafe<BatchResult[]>(
    appendStatement,
    [shard, producer, sequence, instance, ...packBatch(commands)],
    {
      prepare: true,
    },
  )
}
