/**
 * Group commit. A gateway has at most one batch in flight per shard; what arrives meanwhile becomes the next batch. One round
 * trip and one commit carry hundreds of events, and the busier the ledger, the larger the batches.
 *
 * An append is never cancelled. A sender that cannot wait gives up by itself, and a hold that is granted to a sender that gave
 * up is released at once.
 */
import { waitAtMost } from '../../lib/wait-at-most.ts'
import { LedgerUnavailable } from '../unavailable.ts'
import type { AppendResult, CallCommand, Hold, LeaseHold, Verdict } from './call-commands.ts'
import { Deliveries } from './deliveries.ts'
import {
  BatchFateUnknown,
  Producer,
  type ProducerOptions,
  type SentBatchResult,
} from './producer.ts'
import {
  giveUp,
  giveUpOverdue,
  halveBatch,
  takeBatch,
  type WaitingCommand,
} from './waiting-command.ts'

export interface AppenderOptions extends Omit<ProducerOptions, 'log'> {
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
   */
  append(command: CallCommand): Promise<AppendResult>
  /**
   * Appends commands that stay together: they are in one batch, in this order, and no command of others is between them.
   * Each has its own verdict, and so its own promise. A group of which one cannot be written fails as a whole.
   */
  appendGroup(commands: readonly CallCommand[]): Promise<AppendResult>[]
  /** What became of the responses of its charges. */
  readonly deliveries: Deliveries
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

  constructor(options: AppenderOptions) {
    this.options = options
    this.log = options.log ?? (() => {})
    this.producer = new Producer({ ...options, log: this.log })
  }

  readonly append = (command: CallCommand): Promise<AppendResult> => this.enqueue(command, {})

  readonly appendGroup = (commands: readonly CallCommand[]): Promise<AppendResult>[] => {
    const group = {}
    return commands.map((command) => this.enqueue(command, group))
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
    for (;;) {
      if (this.isIdle) {
        deliver()
        // Delivering to a sender that gave up can enqueue a release.
        if (this.isIdle) break
        deliver = () => {}
      }
      this.inFlight = takeBatch(this.queue)
      const committed = this.commit(this.inFlight)
      // The ledger has this batch already, so what the senders of the last one do next takes none of its time.
      deliver()
      deliver = await committed
      this.inFlight = []
    }
    this.isRunning = false
    for (const resolve of this.drained.splice(0)) resolve()
  }

  private get isIdle(): boolean {
    return this.queue.length === 0 || this.isClosed
  }

  private async commit(batch: readonly WaitingCommand[]): Promise<Deliver> {
    if (batch.length === 0) return () => {}
    try {
      const result = await this.producer.send(batch.map(({ command }) => command))
      return () => this.deliver(batch, result)
    } catch (error) {
      return error instanceof BatchFateUnknown
        ? this.fail(batch, error)
        : this.commitHalves(batch, error)
    }
  }

  /** One bad command must not fail its neighbours: a batch is halved until it stands alone, or with its group. */
  private async commitHalves(batch: readonly WaitingCommand[], error: unknown): Promise<Deliver> {
    const halves = halveBatch(batch)
    if (!halves) return this.fail(batch, error)
    const deliverFirst = await this.commit(halves[0])
    deliverFirst()
    return this.commit(halves[1])
  }

  private fail(batch: readonly WaitingCommand[], error: unknown): Deliver {
    this.log('append: a batch failed', error)
    const message = error instanceof Error ? error.message : String(error)
    const mayBeWritten = error instanceof BatchFateUnknown
    return () => {
      for (const { reject } of batch) {
        reject(new LedgerUnavailable(message, { cause: error, mayBeWritten }))
      }
    }
  }

  private deliver(batch: readonly WaitingCommand[], result: SentBatchResult): void {
    const { shard, onVerdict } = this.options
    const { recorded_at: recordedAt, sentAtMs } = result
    batch.forEach(({ command, resolve, hasGivenUp }, i) => {
      const verdict = result.verdicts[i] as Verdict
      const position = result.positions[i] as number
      onVerdict?.(command, verdict)
      if (verdict === 'ok' && (command.kind === 'settle' || command.kind === 'charge_on_lease')) {
        this.deliveries.onCharged({ command, position, sentAtMs, isAwaited: !hasGivenUp })
      }
      if (!hasGivenUp) {
        const available = result.available[i] ?? 0
        resolve({ verdict, shard, position, available, recordedAt, sentAtMs })
      } else if (isNewHold(command) && (verdict === 'ok' || verdict === 'resumed')) {
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

function isNewHold(command: CallCommand): command is Hold | LeaseHold {
  return command.kind === 'hold' || command.kind === 'lease'
}
