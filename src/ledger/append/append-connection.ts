/**
 * A producer's connection to the ledger. What goes over it is text both ways, and append-reply.ts decodes it. So a value that
 * cannot be decoded concerns the command that it belongs to, and is not taken for a lost connection.
 */
import type { Sql } from '../connect.ts'
import { appendStatement, type BatchTexts } from './batch.ts'
import type { HighWaterMark } from './high-water-marks.ts'

export interface Registration {
  readonly producer: string
  readonly instance: string
  readonly shard: number
  /** What this process has seen of the log. */
  readonly mark: HighWaterMark | undefined
}

/** A batch as append_v1 takes it. */
export interface SentBatch {
  readonly shard: number
  readonly producer: string
  readonly sequence: number
  /** Hash of the commands. */
  readonly content: string
  /** Where the log ended when the producer last got a reply. */
  readonly seen: HighWaterMark
  readonly delivered: number
  readonly withheld: readonly number[]
  readonly columns: BatchTexts
}

/** The reply to a registration, as text. */
export interface RegistrationRow {
  readonly outcome: string
  readonly recorded_at: string
  readonly log_epoch: string
  readonly log_position: string
  readonly log_hash: string
}

/** The reply to a batch, as text; null: the outcome says that there is none. */
export interface AppendRow {
  readonly outcome: string
  readonly recorded_at: string | null
  readonly log_epoch: string | null
  readonly log_position: string | null
  readonly log_hash: string | null
  /** One word a command. */
  readonly verdicts: string | null
  readonly positions: string | null
  readonly available: string | null
}

export interface AppendConnection {
  /** Each sending carries the sender's clock. */
  register(registration: Registration): Promise<RegistrationRow>
  append(batch: SentBatch): Promise<AppendRow>
}

/** @param sql a pool of one connection, so that no query waits behind another */
export function openAppendConnection(sql: Sql): AppendConnection {
  return {
    async register({ producer, instance, shard, mark }) {
      const [row] = await sql<[RegistrationRow]>`
        select outcome, recorded_at::text, log_epoch::text, log_position::text, encode(log_hash, 'hex') as log_hash
        from open_producer_v1(${shard}::smallint, ${producer}::uuid, ${instance}, ${now()}::timestamptz,
          ${mark ? JSON.stringify(mark) : null}::text::jsonb)`
      return row
    },

    async append({ shard, producer, sequence, content, seen, delivered, withheld, columns }) {
      const batch = [
        shard,
        producer,
        sequence,
        content,
        seen.epoch,
        seen.position,
        seen.hash,
        now(),
      ]
      const report = [delivered, withheld.length === 0 ? null : `{${withheld.join(',')}}`]
      const parameters = [...batch, ...report, ...columns]
      const query = sql.unsafe<[AppendRow]>(appendStatement, parameters, { prepare: true })
      // Otherwise a query leaves only when it is awaited, and then behind what the senders of the last batch do next.
      query.execute()
      const [row] = await query
      return row
    },
  }
}

function now(): string {
  return new Date().toISOString()
}
