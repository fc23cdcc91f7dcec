/** The machine of the ledger: it decides what reaches it, and things go wrong there, too. */
import type { Machine } from './machine.ts'
import type { MemoryLedger } from './memory-ledger/memory-ledger.ts'
import type { Records } from './records.ts'
import { epochMs, type Process, type Scheduler } from './scheduler.ts'
import {
  commandsOf,
  describe,
  type Note,
  positionOf,
  resultsOf,
  type SentCommand,
  statementName,
} from './trace.ts'
import type { Reply, Rows, Statement } from './wire.ts'
import { undecodable } from './wire-client.ts'

interface HostDeps {
  readonly scheduler: Scheduler
  readonly ledger: MemoryLedger
  readonly records: Records
  readonly note: Note
}

/** How long the ledger is away while its data are put back. */
const putBackMs = 50

export class LedgerHost {
  private readonly deps: HostDeps
  /** Commands that cannot be read or decided, and why. */
  private readonly poisons = new Map<string, string>()
  /** Appends that were decided, for those who send them again. */
  private readonly decided: Statement[] = []
  private downUntilMs = 0
  private clockShift = { ms: 0, untilMs: 0 }
  /** What the next reading of the clock is off by. */
  private misreadByMs = 0

  constructor(deps: HostDeps) {
    this.deps = deps
  }

  /** Decides what a gateway sent. undefined: it is down. */
  decide(machine: Machine, statement: Statement): Reply | Promise<Reply> | undefined {
    if (this.deps.scheduler.nowMs < this.downUntilMs) return undefined
    const commands = commandsOf(statement)
    const poison = commands && this.poisonOf(machine, commands)
    if (poison && poison !== 'undecodable') {
      this.deps.note(() => `${machine.process.name}: ${commands?.length} commands: ${poison}`)
      return { error: { code: poison, message: `simulated ${poison}` } }
    }
    const reply = this.execute(statement)
    const replied = (decided: Reply) => this.replyTo(machine, statement, decided, commands, poison)
    return reply instanceof Promise ? reply.then(replied) : replied(reply)
  }

  /** Decides a statement that comes over no network. */
  execute(statement: Statement): Reply | Promise<Reply> {
    return this.deps.ledger.execute(statement, this.readClock())
  }

  private readClock(): number {
    const { nowMs } = this.deps.scheduler
    const { ms, untilMs } = this.clockShift
    const shiftMs = this.misreadByMs || (nowMs < untilMs ? ms : 0)
    this.misreadByMs = 0
    return Math.floor(epochMs + nowMs + shiftMs)
  }

  shiftClock(ms: number, forMs: number): void {
    const { scheduler, note } = this.deps
    this.clockShift = { ms, untilMs: scheduler.nowMs + forMs }
    note(() => `the ledger's clock is off by ${ms} ms for ${forMs} ms`)
  }

  misreadClock(byMs: number): void {
    this.misreadByMs = byMs
    this.deps.note(() => `the next reading of the ledger's clock is off by ${byMs} ms`)
  }

  goDown(forMs: number): void {
    const { scheduler, note } = this.deps
    this.downUntilMs = scheduler.nowMs + forMs
    note(() => `the ledger is down for ${forMs} ms`)
  }

  endFaults(): void {
    this.downUntilMs = 0
    this.clockShift = { ms: 0, untilMs: 0 }
    this.misreadByMs = 0
  }

  /** It comes back with its data as they stood some transactions ago. */
  putBack(transactions: number): void {
    const { scheduler, ledger, records, note } = this.deps
    this.goDown(putBackMs)
    const lost = ledger.putBack(transactions)
    const seen = new Map(records.seen)
    const { position } = ledger
    records.putBacks.push({ atMs: scheduler.nowMs, position, lost, seen, acceptedMs: undefined })
    note(() => `the ledger is put back to ${ledger.position}: ${lost.length} events are lost`)
  }

  /** The owner accepts that events are lost, where a gateway has found it. */
  async acceptLoss(): Promise<void> {
    const { ledger, scheduler, records, note } = this.deps
    const found = ledger.head.divergence
    if (found === null) return
    const sentAt = new Date(epochMs + scheduler.nowMs).toISOString()
    await this.execute({
      text: 'select accept_loss_v1($1::smallint, $2, $3, $4, $5)',
      values: ['0', 'operator', sentAt, 'simulated', 'cli'],
    })
    for (const putBack of records.putBacks) putBack.acceptedMs ??= scheduler.nowMs
    note(() => `the owner accepts the loss: ${found}`)
  }

  /** How far a gateway has seen the log. */
  noteSeen({ name }: Process, reply: Reply): void {
    const position = positionOf(reply)
    const { seen } = this.deps.records
    if (position > (seen.get(name) ?? 0)) seen.set(name, position)
  }

  forgetProducers(): void {
    this.deps.ledger.forgetProducers()
    this.deps.note(() => 'the ledger forgets its producers')
  }

  /** A batch that was decided is sent once more, by a producer that nobody has seen. */
  async sendAsAnother(pick: number): Promise<void> {
    const original = this.decided[pick % Math.max(this.decided.length, 1)]
    if (!original) return
    const id = crypto.randomUUID()
    const sentAt = new Date().toISOString()
    const [shard = '', , , content = '', , , , , , , ...columns] = original.values
    const opened = await this.execute({
      text: `select outcome, log_epoch, log_position, encode(log_hash, 'hex') as log_hash
        from open_producer_v1($1::smallint, $2::uuid, $3, $4::timestamptz, $5::text::jsonb)`,
      values: [shard, id, 'another', sentAt, null],
    })
    if ('error' in opened || opened.rows[0]?.[0] !== 'opened') return
    const value = (name: string) =>
      opened.rows[0]?.[opened.columns.findIndex((column) => column.name === name)] ?? null
    const seen = ['log_epoch', 'log_position', 'log_hash'].map(value)
    const values = [shard, id, '1', content, ...seen, sentAt, '0', '{}', ...columns]
    const again = { text: original.text, values }
    const reply = await this.execute(again)
    this.deps.note(() => `another producer sends the same: ${describe(again, reply)}`)
  }

  private replyTo(
    machine: Machine,
    statement: Statement,
    reply: Reply,
    commands: readonly SentCommand[] | undefined,
    poison: string | undefined,
  ): Reply {
    const { name } = machine.process
    this.deps.note(() => {
      const described = describe(statement, reply)
      return described && `${name}: ${statementName(statement)} ${described}`
    })
    if (!commands || 'error' in reply) return reply
    this.decided.push(statement)
    this.recordDecisions(name, reply, commands)
    machine.strikeAfter(commands)
    return poison ? undecodable(reply, ({ name }) => name === 'available') : reply
  }

  /** Noted when the ledger decisions: whether the gateway gets to know, its deliveries show. */
  private recordDecisions(gateway: string, reply: Rows, commands: readonly SentCommand[]): void {
    const { scheduler, records } = this.deps
    const results = resultsOf(reply) ?? []
    for (const [i, { kind, requestId }] of commands.entries()) {
      const { verdict, position = 0 } = results[i] ?? {}
      records.decisions.push({
        ...{ atMs: scheduler.nowMs, gateway, requestId, kind, position },
        verdict: verdict ?? '',
      })
    }
  }

  private poisonOf(machine: Machine, commands: readonly SentCommand[]): string | undefined {
    const [first] = commands
    if (machine.poison && first) {
      this.poisons.set(first.requestId, machine.poison)
      this.deps.records.poisoned.add(first.requestId)
      this.deps.note(() => `${first.kind} ${first.requestId} is poisoned: ${machine.poison}`)
      machine.poison = undefined
    }
    if (this.poisons.size === 0) return undefined
    const poisoned = commands.find(({ requestId }) => this.poisons.has(requestId))
    return poisoned && this.poisons.get(poisoned.requestId)
  }
}
