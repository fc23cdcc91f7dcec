/** A machine on which one gateway runs after the other, with its network to the ledger. */
import type { HighWaterMark } from '../../src/ledger/append/high-water-marks.ts'
import { seeded } from '../faults/random.ts'
import { Connection, type Outage } from './connection.ts'
import { type Gateway, type KeptMark, openGateway } from './gateway.ts'
import type { LedgerHost } from './ledger-host.ts'
import type { Moment } from './plan.ts'
import type { Process, Scheduler } from './scheduler.ts'
import type { Note, SentCommand } from './trace.ts'
import { sqlOver } from './wire-client.ts'

export interface MachineDeps {
  readonly seed: number
  readonly scheduler: Scheduler
  readonly host: LedgerHost
  readonly note: Note
}

interface Strike {
  readonly when: Moment
  readonly strike: () => void
}

const restartMs = 300

export class Machine {
  readonly name: string
  process: Process
  /** undefined while it starts. */
  gateway: Gateway | undefined
  outages: Outage[] = []
  /** How its next command is poisoned. */
  poison: string | undefined
  private readonly deps: MachineDeps
  private readonly nth: number
  private started = 0
  private strikes: Strike[] = []
  private readonly kept = keptMark()

  constructor(nth: number, deps: MachineDeps) {
    this.nth = nth
    this.name = `gateway ${nth}`
    this.deps = deps
    this.process = processOf(this.name)
  }

  start(): void {
    const { scheduler, note, seed } = this.deps
    const process = processOf(this.started === 0 ? this.name : `${this.name}.${this.started}`)
    this.started++
    this.process = process
    this.gateway = undefined
    const connectionOf = (isOrdered: boolean) =>
      new Connection({
        ...{ scheduler, process, note, isOrdered },
        random: seeded(seed * 1_009 + this.nth * 101 + this.started * 11 + Number(isOrdered)),
        outages: () => this.outages,
        onReply: (reply) => this.deps.host.noteSeen(process, reply),
        decide: (statement) => this.deps.host.decide(this, statement),
      })
    const connections = {
      appender: sqlOver(connectionOf(true).send),
      pool: sqlOver(connectionOf(false).send),
    }
    const warn = (message: string, error?: unknown) =>
      note(() => `${process.name} warns: ${message}${reasonOf(error)}`)
    const open = () => {
      this.gateway = openGateway(connections, this.kept, warn)
      note(() => `${process.name} serves`)
    }
    scheduler.after(0, open, process)
  }

  /** The gateway dies, and another one is started in its place. */
  kill(): void {
    const { scheduler, note } = this.deps
    note(() => `${this.process.name} is killed`)
    scheduler.kill(this.process)
    scheduler.after(restartMs, () => this.start(), scheduler.world)
  }

  stop(forMs: number): void {
    const { scheduler, note } = this.deps
    const { process } = this
    note(() => `${process.name} is stopped for ${forMs} ms`)
    scheduler.stop(process)
    scheduler.after(forMs, () => this.resume(process), scheduler.world)
  }

  shiftClock(ms: number, forMs: number): void {
    const { scheduler, note } = this.deps
    const { process } = this
    note(() => `the clock of ${process.name} is off by ${ms} ms for ${forMs} ms`)
    process.clockOffsetMs = ms
    const setRight = () => {
      process.clockOffsetMs = 0
    }
    scheduler.after(forMs, setRight, scheduler.world)
  }

  resume(process = this.process): void {
    const { scheduler, note } = this.deps
    if (process.state !== 'stopped') return
    note(() => `${process.name} goes on`)
    scheduler.resume(process)
  }

  /** At its moment, or never. */
  strike(when: Moment, strike: () => void): void {
    if (when === 'now') strike()
    else this.strikes.push({ when, strike })
  }

  /** The ledger has decided these commands of the gateway, which does not know yet. */
  strikeAfter(commands: readonly SentCommand[]): void {
    const isCharged = commands.some(({ kind }) => kind === 'settle' || kind === 'charge_on_lease')
    const moment = isCharged ? 'charged' : 'held'
    const at = this.strikes.findIndex(({ when }) => when === moment)
    if (at >= 0) for (const { strike } of this.strikes.splice(at, 1)) strike()
  }

  endFaults(): void {
    this.outages = []
    this.poison = undefined
    this.strikes = []
    this.process.clockOffsetMs = 0
    this.resume()
  }
}

function processOf(name: string): Process {
  return { name, clockOffsetMs: 0, state: 'running' }
}

function keptMark(): KeptMark {
  let mark: HighWaterMark | undefined
  return {
    get mark() {
      return mark
    },
    store(seen) {
      mark = seen
    },
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? ` (${error.message})` : ''
}
