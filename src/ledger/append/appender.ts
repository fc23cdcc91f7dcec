/**
 * Group commit. A gateway has at most one batch in flight per shard; what arrives meanwhile becomes
 * the next batch. One round trip and one commit carry hundreds of events, and the busier the ledger,
 * the larger the batches.
 *
 * A batch is numbered in the gateway's producer. When its connection dies after it was sent, nobody knows
 * whether it was committed, so the same batch is sent again under the same number until the ledger
 * answers: what was stored, or what it does now. An append is never cancelled; a client that cannot
 * wait gives up by itself, and a hold that is granted to a client who gave up is released at once.
 */
import pTimeout from 'p-timeout'
import postgres from 'postgres'
import type { Sql } from '../connect.ts'
import { appendStatement, packBatch } from './batch.ts'
import {
  type AppendResult,
  type CallCommand,
  type Hold,
  type LeaseHold,
  LedgerUnavailable,
  type Verdict,
} from './call-commands.ts'

export interface AppenderOptions {
  /** A pool of one connection of its own, so that no query waits behind another. */
  readonly sql: Sql
  readonly shard: number
  /** Names the gateway process in every event. */
  readonly instance: string
  /** How long a client waits for the ledger, in milliseconds. */
  readonly deadlineMs: number
  /** Called with each batch's size and round trip, for metrics. */
  readonly observe?: (items: number, roundTripMs: number) => void
  /** Called with each item that the ledger answered; `heard`: its client still waited for that. */
  readonly answered?: (
    item: CallCommand,
    verdict: Verdict,
    position: number,
    heard: boolean,
  ) => void
  readonly log?: (message: string, error?: unknown) => void
}

export interface Appender {
  /**
   * Appends one item and answers the ledger's verdict.
   * @throws LedgerUnavailable when there is no verdict within the deadline
   */
  append(item: CallCommand): Promise<AppendResult>
  /**
   * Appends commands that stay together: they are in one batch, in this order, and no command of others is between them.
   * Each has its own verdict, and so its own promise. A group of which one cannot be written fails as a whole.
   */
  appendGroup(commands: readonly CallCommand[]): Promise<AppendResult>[]
  /** Items waiting or in flight. */
  readonly pending: number
  /** Waits until nothing is pending, for at most this long. */
  drain(withinMs: number): Promise<void>
  /** Stops sending and fails whoever still waits; a batch in flight may be committed all the same. */
  close(): void
}

interface Waiting {
  readonly item: CallCommand
  /** The same for commands of one group. */
  readonly group: object
  readonly resolve: (answer: AppendResult) => void
  readonly reject: (error: Error) => void
  readonly giveUpAt: number
  gaveUp: boolean
}

interface Row {
  outcome: 'appended' | 'repeated' | 'superseded' | 'unknown_producer'
  recorded_at: Date
  verdicts: Verdict[]
  positions: number[]
  available: number[]
}

const maxCommands = 1_000
/** So few are cheaper together. */
const minCommands = 32

export function openAppender(options: AppenderOptions): Appender {
  const { sql, shard, instance, deadlineMs } = options
  const log = options.log ?? (() => {})
  let queue: Waiting[] = []
  let inFlight: Waiting[] = []
  let running = false
  let closed = false
  let producer: string | undefined
  let sequence = 0
  const drained: (() => void)[] = []
  const unwatch = watchDeadlines()

  function append(item: CallCommand): Promise<AppendResult> {
    return enqueue(item, {}, performance.now() + deadlineMs)
  }

  function appendGroup(commands: readonly CallCommand[]): Promise<AppendResult>[] {
    const group = {}
    const giveUpAt = performance.now() + deadlineMs
    return commands.map((item) => enqueue(item, group, giveUpAt))
  }

  function enqueue(item: CallCommand, group: object, giveUpAt: number): Promise<AppendResult> {
    if (closed) return Promise.reject(new LedgerUnavailable('the gateway is closing'))
    const { promise, resolve, reject } = Promise.withResolvers<AppendResult>()
    queue.push({ item, group, resolve, reject, giveUpAt, gaveUp: false })
    if (!running) {
      running = true
      queueMicrotask(run)
    }
    return promise
  }

  async function run(): Promise<void> {
    let tell = () => {}
    for (;;) {
      if (queue.length === 0 || closed) {
        tell()
        // What is told may be too late for its client, and then leads to another item.
        if (queue.length === 0 || closed) break
        tell = () => {}
      }
      const batch = queue.splice(0, sizeOf(queue)).filter((w) => !w.gaveUp)
      inFlight = batch
      const committed = commit(batch)
      // What the clients of the last batch do next takes a while, in which the ledger already has this one.
      tell()
      tell = await committed
      inFlight = []
    }
    running = false
    for (const done of drained.splice(0)) done()
  }

  /** Sends a batch until the ledger has answered it; what it gives tells that to the clients. */
  async function commit(batch: Waiting[]): Promise<() => void> {
    if (batch.length === 0) return () => {}
    let texts: string[]
    try {
      texts = packBatch(batch.map((w) => w.item))
    } catch (error) {
      return split(batch, error)
    }
    let sent = false
    for (let attempt = 0; ; attempt++) {
      try {
        producer ??= await openProducer()
        const sentBefore = sent
        sent = true
        const startedAt = performance.now()
        const row = await send(texts, producer, sequence + 1)
        options.observe?.(batch.length, performance.now() - startedAt)
        if (row.outcome === 'unknown_producer' || row.outcome === 'superseded') {
          producer = undefined
          if (sentBefore) throw new ProducerLost(row.outcome)
          // The producer was forgotten over a long silence. What was sent once and refused was not appended.
          sent = false
          continue
        }
        sequence++
        return () => answer(batch, row)
      } catch (error) {
        if (error instanceof ProducerLost) return fail(batch, error, true)
        if (isBadData(error)) return split(batch, error)
        log('append: the ledger did not answer; sending the same batch again', error)
        if (closed) return fail(batch, error, true)
        await pause(Math.min(10 * 2 ** attempt, 1_000))
      }
    }
  }

  async function openProducer(): Promise<string> {
    const fresh = crypto.randomUUID()
    await sql`select open_producer_v1(${shard}::smallint, ${fresh}::uuid, ${instance})`
    sequence = 0
    return fresh
  }

  async function send(texts: string[], inProducer: string, number: number): Promise<Row> {
    const parameters = [shard, inProducer, number, instance, ...texts]
    const query = sql.unsafe<Row[]>(appendStatement, parameters, { prepare: true })
    // Without it a query leaves only when it is waited for, and then behind what the clients do next.
    query.execute()
    const rows = await query
    return rows[0] as Row
  }

  function answer(batch: Waiting[], row: Row): void {
    batch.forEach((waiting, i) => {
      const verdict = row.verdicts[i] as Verdict
      options.answered?.(waiting.item, verdict, row.positions[i] as number, !waiting.gaveUp)
      if (!waiting.gaveUp) {
        waiting.resolve({
          verdict,
          shard,
          position: row.positions[i] as number,
          available: row.available[i] ?? 0,
          recordedAt: row.recorded_at,
        })
      } else if (isNewHold(waiting.item) && (verdict === 'ok' || verdict === 'resumed')) {
        releaseAbandoned(waiting.item)
      }
    })
  }

  /** The hold was granted after its client had gone: nothing will run on it. */
  function releaseAbandoned(hold: Hold | LeaseHold): void {
    const { requestId, accountId, keyId, mode, tariff, actor } = hold
    append({
      kind: 'release',
      requestId,
      accountId,
      keyId,
      mode,
      endpoint: hold.kind === 'lease' ? null : hold.endpoint,
      tariff,
      actor,
      reason: 'append_timed_out',
      latencyMs: 0,
    }).catch((error) => log('append: an abandoned hold waits for its expiry', error))
  }

  /** One bad command must not fail its neighbours: halve the batch until it stands alone, or with its group. */
  async function split(batch: Waiting[], error: unknown): Promise<() => void> {
    const middle = middleOf(batch)
    if (middle === undefined) return fail(batch, error)
    const tellFirst = await commit(batch.slice(0, middle))
    tellFirst()
    return commit(batch.slice(middle))
  }

  function fail(batch: Waiting[], error: unknown, mayBeWritten = false): () => void {
    log('append: a batch failed', error)
    return () => {
      for (const waiting of batch) waiting.reject(unavailable(error, mayBeWritten))
    }
  }

  /** A client waits no longer than its deadline, whatever happens to the batch. */
  function watchDeadlines(): () => void {
    const timer = setInterval(() => {
      const now = performance.now()
      for (const list of [queue, inFlight]) {
        for (const waiting of list) {
          if (waiting.gaveUp || waiting.giveUpAt > now) continue
          waiting.gaveUp = true
          const mayBeWritten = list === inFlight
          waiting.reject(
            new LedgerUnavailable(`no answer within ${deadlineMs} ms`, { mayBeWritten }),
          )
        }
      }
      if (queue.some((w) => w.gaveUp)) queue = queue.filter((w) => !w.gaveUp)
    }, 50)
    return () => clearInterval(timer)
  }

  async function drain(withinMs: number): Promise<void> {
    if (!running && queue.length === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    drained.push(resolve)
    await pTimeout(promise, { milliseconds: withinMs, message: false })
  }

  return {
    append,
    appendGroup,
    get pending() {
      return queue.length + inFlight.length
    },
    drain,
    close() {
      closed = true
      unwatch()
      for (const waiting of [...queue, ...inFlight]) {
        waiting.gaveUp = true
        waiting.reject(new LedgerUnavailable('the gateway is closing'))
      }
      queue = []
    },
  }
}

/**
 * How many of those that wait make the next batch: of many, half. While the ledger decides them, the clients of the other
 * half's last batch go on; all in one batch, the ledger and they would wait for each other in turns.
 */
function sizeOf(queue: readonly Waiting[]): number {
  let size = Math.min(Math.max(Math.ceil(queue.length / 2), minCommands), maxCommands, queue.length)
  while (!canPartAt(queue, size) || mustShareBatch(queue[size - 1], queue[size])) size++
  return size
}

/** Whether a batch may end before this one: no group is parted there. */
function canPartAt(list: readonly Waiting[], index: number): boolean {
  return index === list.length || list[index - 1]?.group !== list[index]?.group
}

/** Where a batch is halved, as near to its middle as no group is parted; undefined: it is one command, or one group. */
function middleOf(batch: readonly Waiting[]): number | undefined {
  const middle = batch.length >> 1
  for (let i = Math.max(middle, 1); i < batch.length; i++) if (canPartAt(batch, i)) return i
  for (let i = middle; i > 0; i--) if (canPartAt(batch, i)) return i
  return undefined
}

function isNewHold(command: CallCommand): command is Hold | LeaseHold {
  return command.kind === 'hold' || command.kind === 'lease'
}

/**
 * A call takes its own hold out of a standing one: release, own hold, and a standing one for the rest. Nobody else's
 * purchase may come in between, and so nothing of it in another batch.
 */
function mustShareBatch(before: Waiting | undefined, after: Waiting | undefined): boolean {
  if (!after || !isNewHold(after.item)) return false
  const frees = before?.item.kind === 'release' && before.item.endpoint === null
  return frees || after.item.kind === 'lease'
}

/** The producer is gone, so what became of the batch cannot be known from it. */
class ProducerLost extends Error {}

/**
 * The batch was rolled back and would fail again: for its data (class 22), a constraint (23) or a limit
 * of the server's (54, such as a text too long for an index).
 */
function isBadData(error: unknown): boolean {
  return error instanceof postgres.PostgresError && /^(22|23|54)/.test(error.code)
}

function unavailable(error: unknown, mayBeWritten: boolean): LedgerUnavailable {
  return new LedgerUnavailable(error instanceof Error ? error.message : String(error), {
    cause: error,
    mayBeWritten,
  })
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
