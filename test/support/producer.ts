/**
 * A producer driven by hand: a test says which commands are one batch, and under which number it is sent. Nothing is grouped,
 * numbered, repeated or split, as the appender would.
 */
import {
  openAppendConnection,
  type RegistrationRow,
  type SentBatch,
} from '../../src/ledger/append/append-connection.ts'
import { type BatchOutcome, decodeEnd, decodeReply } from '../../src/ledger/append/append-reply.ts'
import { packBatch } from '../../src/ledger/append/batch.ts'
import type { CallCommand, CommandResult, Verdict } from '../../src/ledger/append/call-commands.ts'
import type { HighWaterMark } from '../../src/ledger/append/high-water-marks.ts'
import type { Sql } from '../../src/ledger/connect.ts'

export interface BatchResult {
  readonly outcome: BatchOutcome
  readonly recordedAt: Date | null
  readonly end: HighWaterMark | null
  readonly verdicts: Verdict[] | null
  readonly positions: number[] | null
  readonly available: number[] | null
}

interface SendOptions {
  readonly sequence?: number
  readonly over?: Sql
  /** What of the batch is other than the producer would say. */
  readonly says?: Partial<SentBatch>
}

export interface Producer {
  readonly producer: string
  /** The number of the last batch sent without a number of its own. */
  readonly sequence: number
  /** Where the log ended when it last got a reply. */
  seen: HighWaterMark
  /** Sends one batch, under the next number and over the producer's connection unless the options say otherwise. */
  send(commands: readonly CallCommand[], options?: SendOptions): Promise<BatchResult>
  /** The verdicts of one batch. */
  verdicts(commands: readonly CallCommand[]): Promise<Verdict[]>
}

export async function openProducer(
  sql: Sql,
  shard = 0,
  instance = 'by-hand',
  mark?: HighWaterMark,
): Promise<Producer> {
  const producer = crypto.randomUUID()
  const row = await register(sql, { producer, shard, instance, mark })
  if (row.outcome !== 'opened') throw new Error(`not registered: ${row.outcome}`)
  let last = 0
  let { end: seen } = decodeEnd(row)

  const send: Producer['send'] = async (commands, options = {}) => {
    const { sequence = ++last, over = sql, says } = options
    const batch = { shard, producer, sequence, seen, ...says }
    const result = await sendBatch(over, batch, commands)
    if (result.outcome === 'appended' && result.end) seen = result.end
    return result
  }

  return {
    producer,
    get sequence() {
      return last
    },
    get seen() {
      return seen
    },
    set seen(mark) {
      seen = mark
    },
    send,
    verdicts: async (commands) => (await send(commands)).verdicts ?? [],
  }
}

export function register(
  sql: Sql,
  registration: {
    readonly producer: string
    readonly shard: number
    readonly instance: string
    readonly mark: HighWaterMark | undefined
  },
): Promise<RegistrationRow> {
  return openAppendConnection(sql).register(registration)
}

/** Calls append_v1. */
export async function sendBatch(
  sql: Sql,
  batch: Pick<SentBatch, 'shard' | 'producer' | 'sequence' | 'seen'> & Partial<SentBatch>,
  commands: readonly CallCommand[],
): Promise<BatchResult> {
  const columns = packBatch(commands)
  const row = await openAppendConnection(sql).append({
    ...{ content: Bun.hash(columns.join('\0')).toString(), delivered: 0, withheld: [], columns },
    ...batch,
  })
  const outcome = row.outcome as BatchOutcome
  if (outcome !== 'appended' && outcome !== 'repeated') {
    return {
      outcome,
      recordedAt: null,
      end: null,
      verdicts: null,
      positions: null,
      available: null,
    }
  }
  const { results, ...end } = decodeReply(row, commands.length)
  const decided = results as readonly CommandResult[]
  return {
    outcome,
    ...end,
    verdicts: decided.map(({ verdict }) => verdict),
    positions: decided.map(({ position }) => position),
    available: decided.map(({ available }) => available),
  }
}
