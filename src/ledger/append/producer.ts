/**
 * A gateway's retry-safe channel into a shard. Each batch has a number. When the connection dies after a batch was sent,
 * nobody knows whether it was committed, so the same batch is sent again under the same number until the ledger replies: with
 * the results that it stored, or with those of the batch that it decides now.
 *
 * Each batch repeats where the log ended when the producer last got a reply. So a ledger that was put back is found by the
 * first batch that reaches it.
 */
import { isUnavailable, type LedgerFault } from '../unavailable.ts'
import type { AppendConnection, SentBatch } from './append-connection.ts'
import {
  type BatchOutcome,
  type BatchReply,
  decodeEnd,
  decodeReply,
  UndecodableReply,
} from './append-reply.ts'
import { type BatchTexts, packBatch } from './batch.ts'
import type { CallCommand } from './call-commands.ts'
import type { Deliveries, DeliveryReport } from './deliveries.ts'
import type { HighWaterMark, HighWaterMarks } from './high-water-marks.ts'

export interface ProducerOptions {
  readonly connection: AppendConnection
  readonly shard: number
  /** Names the gateway process in every event. A producer that has to register again adds a number. */
  readonly instance: string
  readonly marks: HighWaterMarks
  readonly deliveries: Deliveries
  /** Called with each batch's size and round trip, for metrics. */
  readonly onBatch?: ((commands: number, roundTripMs: number) => void) | undefined
  readonly log: (message: string, error?: unknown) => void
}

/** The batch is not sent any more, though nothing is wrong with it. */
export class BatchAbandoned extends Error {
  override readonly name = 'BatchAbandoned'
  /** Nobody knows whether it is written. false: it is not. */
  readonly mayBeWritten: boolean

  constructor(message: string, mayBeWritten: boolean) {
    super(message)
    this.mayBeWritten = mayBeWritten
  }
}

/** As long as a hold lives where nothing else is configured: what the batch could charge has expired then. */
const maxResendMs = 900_000
/** A reply that cannot be read stays so. */
const maxUnreadReplies = 3

interface Registered {
  readonly producer: string
  readonly instance: string
  /** The number of the last batch that the ledger has decided. */
  sequence: number
  /** Where the log ended then. */
  seen: HighWaterMark
}

export class Producer {
  private readonly options: ProducerOptions
  /** undefined: the ledger does not know this producer yet, or any more. */
  private registered: Registered | undefined
  private registrations = 0
  private isClosed = false
  /** Why the ledger takes nothing just now, though it replies. */
  fault: LedgerFault | undefined

  constructor(options: ProducerOptions) {
    this.options = options
  }

  /**
   * Sends a batch until the ledger has replied. It is under way when this returns its promise.
   *
   * @param wasSent its commands were sent before, in another batch that the ledger refused. A copy of that can come late
   *
   * @throws BatchAbandoned when it is not sent any more; whatever else is thrown, the batch cannot be written as it is, and
   *   nothing of it was
   */
  async send(commands: readonly CallCommand[], wasSent: boolean): Promise<BatchReply> {
    const { deliveries } = this.options
    const batch = new BatchInFlight(commands, deliveries.report(), wasSent)
    for (let attempt = 0; ; attempt++) {
      try {
        this.registered ??= await this.register(batch)
        const reply = await this.sendOnce(this.registered, batch)
        if (reply) {
          deliveries.onRecorded(batch.report)
          return reply
        }
      } catch (error) {
        if (!this.mayResend(batch, error)) throw error
        this.options.log('append: the ledger did not reply; sending the same batch again', error)
      }
      if (this.isClosed || batch.isTooOld) this.abandon(batch)
      await pause(Math.min(10 * 2 ** attempt, 1_000))
    }
  }

  /** undefined: it is not registered. */
  get id(): string | undefined {
    return this.registered?.producer
  }

  /** A batch is not sent again from now on. */
  close(): void {
    this.isClosed = true
  }

  private async register(batch: BatchInFlight): Promise<Registered> {
    const { connection, shard, marks, deliveries, instance: name } = this.options
    const producer = crypto.randomUUID()
    const number = ++this.registrations
    const instance = number === 1 ? name : `${name}.${number}`
    const row = await connection.register({ producer, instance, shard, mark: marks.of(shard) })
    if (row.outcome === 'log_diverged') this.refuseDiverged(batch)
    if (row.outcome === 'clock_disagrees') throw this.disagreement()
    const { end } = decodeEnd(row)
    marks.raise(shard, end)
    // What an earlier producer charged is not this one's to report.
    deliveries.restart()
    batch.report = deliveries.report()
    return { producer, instance, sequence: 0, seen: end }
  }

  /** Returns nothing when the batch has to be sent by another producer. */
  private async sendOnce(
    registered: Registered,
    batch: BatchInFlight,
  ): Promise<BatchReply | undefined> {
    const { connection, shard, marks, onBatch } = this.options
    const { producer, sequence, seen } = registered
    const startedAtMs = performance.now()
    const wasSentBefore = batch.mayBeWritten
    batch.mayBeWritten = true
    const row = await connection.append({
      ...batch.sent,
      ...batch.report,
      shard,
      producer,
      seen,
      sequence: sequence + 1,
    })
    const outcome = row.outcome as BatchOutcome
    switch (outcome) {
      case 'appended':
      case 'repeated': {
        const reply = decodeReply(row, batch.size)
        registered.sequence++
        registered.seen = reply.end
        marks.raise(shard, reply.end)
        this.fault = undefined
        if (batch.size > 0) onBatch?.(batch.size, performance.now() - startedAtMs)
        return reply
      }
      case 'log_diverged':
        batch.mayBeWritten = wasSentBefore
        return this.refuseDiverged(batch)
      case 'clock_disagrees':
        batch.mayBeWritten = wasSentBefore
        throw this.disagreement()
      case 'unknown_producer':
      case 'fenced':
      case 'superseded':
      case 'loss_accepted':
        this.registered = undefined
        if (wasSentBefore) throw new BatchAbandoned(outcome, true)
        // What the ledger refused at the first attempt is not written.
        batch.mayBeWritten = false
        return undefined
      default:
        outcome satisfies never
        throw new UndecodableReply(`outcome ${outcome}`)
    }
  }

  private refuseDiverged(batch: BatchInFlight): never {
    this.fault = 'log_diverged'
    this.registered = undefined
    throw new BatchAbandoned('the log is not the one that a gateway has seen', batch.mayBeWritten)
  }

  private disagreement(): Error {
    this.fault = 'clock_disagrees'
    return new ClockDisagrees()
  }

  private mayResend(batch: BatchInFlight, error: unknown): boolean {
    if (error instanceof UndecodableReply) {
      if (++batch.unreadReplies >= maxUnreadReplies) this.abandon(batch)
      return true
    }
    return error instanceof ClockDisagrees || isUnavailable(error)
  }

  /** Whatever becomes of the batch, no later one can be taken for it: the next is sent by another producer. */
  private abandon(batch: BatchInFlight): never {
    this.registered = undefined
    throw new BatchAbandoned('the ledger did not reply', batch.mayBeWritten)
  }
}

/** A single wrong reading of a clock costs an attempt. */
class ClockDisagrees extends Error {
  override readonly name = 'ClockDisagrees'

  constructor() {
    super('the clocks of the ledger and of this gateway disagree')
  }
}

class BatchInFlight {
  readonly size: number
  readonly sent: Pick<SentBatch, 'content' | 'columns'>
  report: DeliveryReport
  mayBeWritten: boolean
  unreadReplies = 0
  private readonly tooOldAtMs = performance.now() + maxResendMs

  constructor(commands: readonly CallCommand[], report: DeliveryReport, wasSent: boolean) {
    const columns = packBatch(commands)
    this.size = commands.length
    this.sent = { columns, content: contentHash(columns) }
    this.report = report
    this.mayBeWritten = wasSent
  }

  get isTooOld(): boolean {
    return performance.now() > this.tooOldAtMs
  }
}

/** Tells batches of one producer apart, so it need not withstand anybody who looks for two with the same hash. */
function contentHash(columns: BatchTexts): string {
  return Bun.hash(columns.join('\0')).toString(16)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
