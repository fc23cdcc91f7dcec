/**
 * Group commit. A gateway has at most one batch in flight per shard; what arrives meanwhile becomes the next batch. One round
 * trip and one commit carry hundreds of events, and the busier the ledger, the larger the batches.
 *
 * An append is never cancelled. A sender that cannot wait gives up by itself, and a hold that is granted to a sender that gave
 * up is released at once.
 */
import postgres from 'postgres'
import { waitAtMost } from '../../lib/wait-at-most.ts'
import { CommandRefused, type LedgerFault, LedgerUnavailable } from '../unavailable.ts'
import { type BatchReply, UndecodableResult } from './append-reply.ts'
import type {
  AppendResult,
  CallCommand,
  CommandResult,
  Hold,
  LeaseHold,
  Verdict,
} from './call-commands.ts'
import { Deliveries } from './deliveries.ts'
import { BatchAbandoned, Producer, type ProducerOptions } from './producer.ts'
import {
  giveUp,
  giveUpOverdue,
  halveBatch,
  takeBatch,
  type WaitingCommand,
} from './waiting-command.ts'

export interface AppenderOptions extends Omit<ProducerOptions, 'log' | 'deliveries'> {
  /** How long the sender of a command waits for the ledger. */
  readonly timeoutMs: number
  /** Called with each command's verdict. */
  readonly onVerdict?: (command: CallCommand, verdict: Verdict) => void
  readonly log?: (message: string, error?: unknown) => void
}

export interface Appender {
  /**
   * Appends a command, and resolves to what the ledger gives back for it.
   * @throws LedgerUnavailable when there is no verdict within the timeout
   * @throws CommandRefused when the ledger cannot write it
   */
  append(command: CallCommand): Promise<AppendResult>
  /**
   * Appends commands that stay together: they are in one batch, in this order, and no command of others is between them.
   * Each has its own verdict, and so its own promise. A group of which one cannot be written fails as a whole.
   */
  appendGroup(commands: readonly CallCommand[]): Promise<AppendResult>[]
  /**
   * Tells the ledger what was delivered, and that the gateway lives, where no batch has told it for a second. It has to be called
   * every second: other gateways may fence a producer that is silent.
   * @param isLast the gateway has no response under way any more
   */
  beat(isLast?: boolean): Promise<void>
  /** The id of its producer; undefined: it has none just now. */
  readonly producerId: string | undefined
  /** What became of the responses of charges. */
  readonly deliveries: Deliveries
  /** Why the ledger takes nothing just now, though it replies. */
  readonly fault: LedgerFault | undefined
  /** The ledger's time: that of its last reply, and the time since; before any, this machine's. Milliseconds since 1970. */
  readonly ledgerNowMs: number
  /** Commands waiting or in flight. */
  readonly pending: number
  /** Waits until nothing is pending, for at most this long. */
  drain(timeoutMs: number): Promise<void>
  /** Stops sending, and fails whoever still waits. A batch in flight may be committed all the same. */
  close(): void
}

export function openAppender(options: AppenderOptions): Appender {
  return new GroupCommit(options)
}

/** Gives the results of a batch to the senders of its commands. */
type Deliver = () => void

const overdueCheckMs = 50
const beatAfterMs = 1_000

class GroupCommit implements Appender {
  readonly deliveries = new Deliveries()
  private readonly options: AppenderOptions
  private readonly producer: Producer
  private readonly log: (message: string, error?: unknown) => void
  private queue: WaitingCommand[] = []
  private inFlight: readonly WaitingCommand[] = []
  private isRunning = false
  private isClosed = false
  private readonly drained: (() => void)[] = []
  private readonly timer = setInterval(() => this.giveUpOverdue(), overdueCheckMs)
  /** When the last batch was sent, on the monotonic clock. */
  private sentAtMs = Number.NEGATIVE_INFINITY
  private lastReply: { readonly recordedAtMs: number; readonly atMs: number } | undefined

  constructor(options: AppenderOptions) {
    this.options = options
    this.log = options.log ?? (() => {})
    this.producer = new Producer({ ...options, deliveries: this.deliveries, log: this.log })
  }

  readonly append = (command: CallCommand): Promise<AppendResult> => this.enqueue(command, {})

  readonly appendGroup = (commands: readonly CallCommand[]): Promise<AppendResult>[] => {
    const group = {}
    return commands.map((command) => this.enqueue(command, group))
  }

  async beat(isLast = false): Promise<void> {
    const isQuiet = performance.now() - this.sentAtMs >= beatAfterMs
    if (this.isRunning || this.isClosed || !(isQuiet || isLast)) return
    this.isRunning = true
    if (isLast) this.deliveries.end()
    const deliver = await this.commit([])
    deliver()
    await this.run()
  }

  get producerId() {
    return this.producer.id
  }

  get fault() {
    return this.producer.fault
  }

  get ledgerNowMs(): number {
    if (!this.lastReply) return Date.now()
    return this.lastReply.recordedAtMs + (performance.now() - this.lastReply.atMs)
  }

  private enqueue(command: CallCommand, group: object): Promise<AppendResult> {
    if (this.isClosed) return Promise.reject(closing())
    const { promise, resolve, reject } = Promise.withResolvers<AppendResult>()
    const giveUpAtMs = performance.now() + this.options.timeoutMs
    this.queue.push({ command, group, resolve, reject, giveUpAtMs, hasGivenUp: false })
    if (!this.isRunning) {
      this.isRunning = true
      queueMicrotask(() => this.run())
    }
    return promise
  }

  get pending(): number {
    return this.queue.length + this.inFlight.length
  }

  async drain(timeoutMs: number): Promise<void> {
    if (!this.isRunning && this.queue.length === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.drained.push(resolve)
    await waitAtMost(timeoutMs, promise)
  }

  close(): void {
    this.isClosed = true
    this.producer.close()
    clearInterval(this.timer)
    for (const waiting of [...this.queue, ...this.inFlight]) giveUp(waiting, closing())
    this.queue = []
  }

  private async run(): Promise<void> {
    let deliver: Deliver = () => {}
    let resolved = 0
    for (;;) {
      if (this.isIdle) {
        deliver()
        // Delivering to a sender that gave up can enqueue a release.
        if (this.isIdle) break
        deliver = () => {}
      }
      this.inFlight = takeBatch(this.queue, resolved)
      const committed = this.commit(this.inFlight)
      // The ledger has this batch already, so what the senders of the last one do next takes none of its time.
      deliver()
      deliver = await committed
      resolved = this.inFlight.length
      this.inFlight = []
    }
    this.isRunning = false
    for (const resolve of this.drained.splice(0)) resolve()
  }

  private get isIdle(): boolean {
    return this.queue.length === 0 || this.isClosed
  }

  private async commit(batch: readonly WaitingCommand[], wasSent = false): Promise<Deliver> {
    const sentAtMs = performance.now()
    this.sentAtMs = sentAtMs
    try {
      const commands = batch.map(({ command }) => command)
      const reply = await this.producer.send(commands, wasSent)
      this.lastReply = { recordedAtMs: reply.recordedAt.getTime(), atMs: performance.now() }
      return () => this.deliver(batch, reply, sentAtMs)
    } catch (error) {
      return error instanceof BatchAbandoned
        ? this.abandon(batch, error)
        : this.commitHalves(batch, error)
    }
  }

  /** One bad command must not fail its neighbours: a batch is halved until it stands alone, or with its group. */
  private async commitHalves(batch: readonly WaitingCommand[], error: unknown): Promise<Deliver> {
    const halves = halveBatch(batch)
    if (!halves) return this.refuse(batch, error)
    const deliverFirst = await this.commit(halves[0], true)
    deliverFirst()
    return this.commit(halves[1], true)
  }

  private abandon(batch: readonly WaitingCommand[], error: BatchAbandoned): Deliver {
    this.log('append: a batch is abandoned', error)
    const { message, mayBeWritten } = error
    return () => {
      const unavailable = new LedgerUnavailable(message, { cause: error, mayBeWritten })
      for (const { reject } of batch) reject(unavailable)
    }
  }

  /** The ledger cannot write a command that stands alone, or a group. */
  private refuse(batch: readonly WaitingCommand[], error: unknown): Deliver {
    const [single] = batch
    if (single && batch.length === 1 && isDuplicate(error))
      return () => this.refuseDuplicate(single)
    this.log('append: a command is refused', error)
    return () => {
      const refused = new CommandRefused(`the ledger cannot write this: ${messageOf(error)}`, {
        cause: error,
      })
      for (const { reject } of batch) reject(refused)
    }
  }

  private refuseDuplicate({ command, resolve }: WaitingCommand): void {
    const result = { verdict: 'duplicate_request', position: 0, available: 0 } as const
    const { shard, onVerdict } = this.options
    onVerdict?.(command, result.verdict)
    const recordedAt = new Date(this.ledgerNowMs)
    resolve({ ...result, shard, recordedAt, sentAtMs: this.sentAtMs })
  }

  private deliver(
    batch: readonly WaitingCommand[],
    { results, recordedAt }: BatchReply,
    sentAtMs: number,
  ): void {
    const { shard, onVerdict } = this.options
    batch.forEach(({ command, resolve, reject, hasGivenUp }, i) => {
      const result = results[i] as CommandResult | UndecodableResult
      if (result instanceof UndecodableResult) {
        this.log('append: the result of a command cannot be read', result)
        reject(new LedgerUnavailable(result.message, { cause: result, mayBeWritten: true }))
        return
      }
      const { verdict, position } = result
      onVerdict?.(command, verdict)
      if (verdict === 'ok' && (command.kind === 'settle' || command.kind === 'charge_on_lease')) {
        this.deliveries.onCharged({ command, position, sentAtMs, isAwaited: !hasGivenUp })
      }
      if (!hasGivenUp) resolve({ ...result, shard, recordedAt, sentAtMs })
      else if (isNewHold(command) && (verdict === 'ok' || verdict === 'resumed')) {
        this.releaseAbandoned(command)
      }
    })
  }

  /** The hold was granted after its sender had given up: no call will run on it. */
  private releaseAbandoned(hold: Hold | LeaseHold): void {
    const { requestId, accountId, keyId, mode, tariff, actor } = hold
    this.append({
      ...{ kind: 'release', requestId, accountId, keyId, mode, tariff, actor },
      endpoint: hold.kind === 'lease' ? null : hold.endpoint,
      ...{ reason: 'append_timed_out', latencyMs: 0 },
    }).catch((error) => this.log('append: an abandoned hold waits for its expiry', error))
  }

  private giveUpOverdue(): void {
    const nowMs = performance.now()
    const { timeoutMs } = this.options
    const late = (mayBeWritten: boolean) => () =>
      new LedgerUnavailable(`no reply within ${timeoutMs} ms`, { mayBeWritten })
    giveUpOverdue(this.queue, nowMs, late(false))
    giveUpOverdue(this.inFlight, nowMs, late(true))
    this.queue = this.queue.filter(({ hasGivenUp }) => !hasGivenUp)
  }
}

function closing(): LedgerUnavailable {
  return new LedgerUnavailable('the gateway is closing')
}

/** Another event has opened the request. Each partition of the log has such a constraint. */
function isDuplicate(error: unknown): boolean {
  return (
    error instanceof postgres.PostgresError &&
    error.code === '23505' &&
    error.constraint_name?.endsWith('_openings') === true
  )
}

function messageOf(error: unknown): string {
  if (error instanceof postgres.PostgresError) return `${error.code} ${error.message}`
  return error instanceof Error ? error.message : String(error)
}

function isNewHold(command: CallCommand): command is Hold | LeaseHold {
  return command.kind === 'hold' || command.kind === 'lease'
}
