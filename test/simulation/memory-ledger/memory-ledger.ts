/**
 * The ledger in memory: it decides as the SQL functions do, and keeps what their tables keep. What a log means is folded by
 * the oracle, and decided by the rules as a customer would read them (test/support). A property test holds it equal to
 * PostgreSQL, command by command.
 */
import type { LogEvent } from '../../support/log.ts'
import { emptyState, evolve, fold, type State } from '../../support/oracle.ts'
import type { LedgerBug } from '../bugs.ts'
import type { JournalEntry } from '../journal.ts'
import type { Reply, Server, ServerError, Statement } from '../wire.ts'
import { type Head, hashOf } from './head.ts'
import { handlerOf } from './statements.ts'

/** An event with the columns that the oracle does not read. */
export interface MemoryEvent extends LogEvent {
  readonly actor: string
  /** Hex. */
  readonly event_hash: string
}

/** What there is to say of an event before it is written. */
export type NewMemoryEvent = Omit<MemoryEvent, 'shard' | 'position' | 'recorded_at' | 'event_hash'>

/** A gateway's producer, with its last batch and the result of that. Times are in microseconds. */
export interface MemoryProducer {
  readonly instance: string
  readonly sequence: number
  readonly content: string | null
  readonly recordedAt: number
  readonly steadySince: number
  readonly epoch: number
  readonly position: number
  readonly hash: string
  readonly reply: Reply | undefined
  readonly delivered: number
  readonly isFenced: boolean
}

export interface KeptResult {
  readonly requestHash: string
  readonly result: Readonly<Record<string, unknown>>
}

export interface MemoryResponse {
  readonly hold: string
  readonly quantity: number
  readonly response: string
  readonly isReplayed: boolean
}

/** What stands beside the log. Rows are replaced and never changed, so that a copy of the maps is a backup. */
export interface SideTables {
  readonly producers: Map<string, MemoryProducer>
  readonly results: Map<string, KeptResult>
  readonly responses: Map<string, MemoryResponse>
  readonly withheld: Map<number, true>
  readonly secrets: Map<string, string>
}

interface MemoryLedgerOptions {
  /** Who is logged in, as every event says. */
  readonly login?: string | undefined
  readonly startsAtMs: number
  /** The log can be put back. */
  readonly keepsBackups?: boolean
  readonly keepsJournal?: boolean
  readonly bug?: LedgerBug | undefined
}

interface Backup {
  readonly head: Head
  readonly side: SideTables
}

/** The statement is refused, and its transaction rolled back. */
export class Refused extends Error {
  readonly error: ServerError

  constructor(error: ServerError) {
    super(error.message)
    this.error = error
  }
}

export class MemoryLedger implements Server {
  readonly shard = 0
  private readonly login: string
  events: MemoryEvent[] = []
  state: State = emptyState()
  head: Head
  side: SideTables = {
    ...{ producers: new Map(), results: new Map(), responses: new Map() },
    ...{ withheld: new Map(), secrets: new Map() },
  }
  /** By request id: what claims and refunds are decided by. */
  byRequest = new Map<string, MemoryEvent[]>()
  /** What the clock reads, and the time that counts, in microseconds. */
  clock = 0
  now = 0
  /** As of each transaction that wrote: where the log can be put back. */
  private readonly backups: Backup[] | undefined

  /** What it was asked, where somebody wants to know. */
  readonly journal: JournalEntry[] | undefined
  /** A fault that is planted in it. */
  readonly bug: LedgerBug | undefined

  constructor(options: MemoryLedgerOptions) {
    this.bug = options.bug
    this.login = options.login ?? 'simulation'
    this.journal = options.keepsJournal ? [] : undefined
    const start = options.startsAtMs * 1_000
    this.head = {
      ...{ position: 0, recordedAt: start, hash: '', epoch: 1, clockAt: start, divergence: null },
    }
    this.backups = options.keepsBackups ? [] : undefined
  }

  execute(statement: Statement, nowMs: number): Reply {
    const reply = this.decide(statement, nowMs)
    this.journal?.push({ statement, nowMs, reply })
    return reply
  }

  private decide(statement: Statement, nowMs: number): Reply {
    const { head } = this
    this.clock = nowMs * 1_000
    this.now = Math.max(this.clock, head.recordedAt)
    try {
      const { run, isRead } = handlerOf(statement.text)
      const reply = run(this, statement.values)
      if (!isRead) this.backups?.push({ head: this.head, side: copyOf(this.side) })
      return reply
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      this.head = head
      if (this.events.length > head.position) this.cut(head.position)
      return { error: error.error }
    }
  }

  get position(): number {
    return this.events.length
  }

  /** Writes an event at the end of the log, and returns its position. */
  write(event: NewMemoryEvent): number {
    const placed = {
      ...event,
      shard: this.shard,
      position: this.position + 1,
      recorded_at: this.now,
    }
    const written = { ...placed, event_hash: hashOf(placed, this.login) }
    this.events.push(written)
    evolve(this.state, written)
    if (written.request_id) this.index(written)
    return written.position
  }

  /** From now on it is put back no further than to what it is now. */
  beginBackups(): void {
    this.backups?.splice(0, this.backups.length, { head: this.head, side: copyOf(this.side) })
  }

  /** Puts the log and what stands beside it back by so many transactions. Returns what is lost. */
  putBack(transactions: number): readonly MemoryEvent[] {
    if (!this.backups) throw new Error('this ledger keeps no backups')
    const undone = Math.min(transactions, this.backups.length - 1)
    this.backups.length -= undone
    this.journal?.push({ putBack: undone })
    const { head, side } = this.backups.at(-1) as Backup
    const lost = this.events.slice(head.position)
    this.cut(head.position)
    this.head = head
    this.side = copyOf(side)
    return lost
  }

  forgetProducers(): void {
    this.side.producers.clear()
    this.journal?.push({ forgetsProducers: true })
  }

  private cut(position: number): void {
    this.events = this.events.slice(0, position)
    this.state = fold(this.events)
    this.byRequest = new Map()
    for (const event of this.events) if (event.request_id) this.index(event)
  }

  private index(event: MemoryEvent): void {
    const events = this.byRequest.get(event.request_id)
    if (events) events.push(event)
    else this.byRequest.set(event.request_id, [event])
  }
}

function copyOf(side: SideTables): SideTables {
  return {
    producers: new Map(side.producers),
    results: new Map(side.results),
    responses: new Map(side.responses),
    withheld: new Map(side.withheld),
    secrets: new Map(side.secrets),
  }
}
