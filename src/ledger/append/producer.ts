/**
 * A gateway's retry-safe channel into a shard. Each batch has a number. When the connection dies after a batch was sent,
 * nobody knows whether it was committed, so the same batch is sent again under the same number until the ledger replies: with
 * the results that it stored, or with those of the batch that it decides now.
 */
import postgres from 'postgres'
import type { Sql } from '../connect.ts'
import { appendStatement, packBatch } from './batch.ts'
import type { CallCommand, Verdict } from './call-commands.ts'

export interface ProducerOptions {
  /** A pool of one connection, so that no query waits behind another. */
  readonly sql: Sql
  readonly shard: number
  /** Names the gateway process in every event. */
  readonly instance: string
  /** Called with each batch's size and round trip, for metrics. */
  readonly onBatch?: ((commands: number, roundTripMs: number) => void) | undefined
  readonly log: (message: string, error?: unknown) => void
}

/** What append_v1 returns for a batch. */
export interface BatchResult {
  /** What became of the batch as a whole. Named as append_v1 returns it. */
  readonly outcome: 'appended' | 'repeated' | 'superseded' | 'unknown_producer'
  readonly recorded_at: Date
  /** By command: its verdict, where it stands in the log, and what is available then. */
  readonly verdicts: readonly Verdict[]
  readonly positions: readonly number[]
  readonly available: readonly number[]
}

/** The same, with when the batch was first sent, on the monotonic clock. */
export interface SentBatchResult extends BatchResult {
  readonly sentAtMs: number
}

/** Nobody knows whether the batch is written. */
export class BatchFateUnknown extends Error {
  override readonly name = 'BatchFateUnknown'
}

export class Producer {
  private readonly options: ProducerOptions
  /** undefined: the ledger does not know this producer yet, or any more. */
  private id: string | undefined
  /** The number of the last batch that the ledger has decided. */
  private sequence = 0
  private isClosed = false

  constructor(options: ProducerOptions) {
    this.options = options
  }

  /**
   * Sends a batch until the ledger has replied. It is under way when this returns its promise.
   *
   * @throws BatchFateUnknown when it cannot be learnt any more whether the batch is written; whatever else is thrown, the
   *   batch cannot be written as it is, and nothing of it was
   */
  async send(commands: readonly CallCommand[]): Promise<SentBatchResult> {
    const texts = packBatch(commands)
    let sentAtMs: number | undefined
    for (let attempt = 0; ; attempt++) {
      try {
        this.id ??= await this.register()
        const wasSentBefore = sentAtMs !== undefined
        sentAtMs ??= performance.now()
        const result = await this.sendOnce(this.id, texts, commands.length)
        if (result.outcome === 'appended' || result.outcome === 'repeated') {
          this.sequence++
          return { ...result, sentAtMs }
        }
        this.id = undefined
        if (wasSentBefore) throw new BatchFateUnknown(result.outcome)
        // The ledger forgot the producer over a long silence. What it refused at the first attempt is not written.
        sentAtMs = undefined
      } catch (error) {
        if (error instanceof BatchFateUnknown || isUnwritable(error)) throw error
        this.options.log('append: the ledger did not reply; sending the same batch again', error)
        if (this.isClosed) throw new BatchFateUnknown(messageOf(error), { cause: error })
        await pause(Math.min(10 * 2 ** attempt, 1_000))
      }
    }
  }

  /** A batch is not sent again from now on. */
  close(): void {
    this.isClosed = true
  }

  private async register(): Promise<string> {
    const { sql, shard, instance } = this.options
    const id = crypto.randomUUID()
    await sql`select open_producer_v1(${shard}::smallint, ${id}::uuid, ${instance})`
    this.sequence = 0
    return id
  }

  private async sendOnce(id: string, texts: string[], commands: number): Promise<BatchResult> {
    const { sql, shard, instance, onBatch } = this.options
    const startedAtMs = performance.now()
    const parameters = [shard, id, this.sequence + 1, instance, ...texts]
    const query = sql.unsafe<BatchResult[]>(appendStatement, parameters, { prepare: true })
    // Otherwise a query leaves only when it is awaited, and then behind what the senders of the last batch do next.
    query.execute()
    const [result] = await query
    onBatch?.(commands, performance.now() - startedAtMs)
    return result as BatchResult
  }
}

/**
 * The batch was rolled back and would fail again: for its data (class 22), a constraint (23) or a limit of the server (54,
 * such as a text that is too long for an index).
 */
function isUnwritable(error: unknown): boolean {
  return error instanceof postgres.PostgresError && /^(22|23|54)/.test(error.code)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
