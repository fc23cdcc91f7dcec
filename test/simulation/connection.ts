/**
 * The network between a gateway and the ledger. Statements over one connection arrive in their order. A connection that is
 * lost says nothing about what became of its statements: those under way may still be decided, now or later.
 */
import type { Random } from '../faults/random.ts'
import type { NetworkFault } from './plan.ts'
import type { Process, Scheduler } from './scheduler.ts'
import { type Note, statementName } from './trace.ts'
import type { Reply, Statement } from './wire.ts'
import { connectionError } from './wire-client.ts'

/** What is wrong with a gateway's network, until when. */
export interface Outage {
  readonly fault: NetworkFault
  readonly untilMs: number
}

interface ConnectionDeps {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly process: Process
  readonly outages: () => readonly Outage[]
  /** The ledger decides a statement. undefined: it is down. */
  readonly decide: (statement: Statement) => Reply | Promise<Reply> | undefined
  readonly note: Note
  /** A reply has reached the gateway. */
  readonly onReply: (reply: Reply) => void
  /** One connection, over which everything keeps its order; else each statement has one to itself. */
  readonly isOrdered: boolean
}

export class Connection {
  private readonly deps: ConnectionDeps
  /** The last arrivals of this connection, at the ledger and back. */
  private arrivedMs = 0
  private repliedMs = 0

  constructor(deps: ConnectionDeps) {
    this.deps = deps
  }

  /** Sends a statement, and resolves to its reply; rejects with the error of the connection. */
  readonly send = (statement: Statement): Promise<Reply> => {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>()
    const { scheduler, random, process, note } = this.deps
    const name = () => statementName(statement)
    const lost = (afterMs: number, code = 'CONNECTION_CLOSED') => {
      this.arrivedMs = 0
      this.repliedMs = 0
      scheduler.after(afterMs, () => reject(connectionError(code)), process)
    }
    if (this.has('refuse')) {
      lost(1, 'ECONNREFUSED')
      return promise
    }
    if (this.has('lose-requests') && random.chance(0.6)) {
      note(() => `${process.name}: ${name()} is lost on its way`)
      lost(random.int(1, 300))
      return promise
    }
    const losesReply = this.has('lose-replies') && random.chance(0.6)
    const twice = this.has('decide-twice') && random.chance(0.6)
    const arrive = () => {
      const reply =
        this.has('busy') && random.chance(0.6) ? busy(random) : this.deps.decide(statement)
      if (reply === undefined) return lost(1, 'ECONNREFUSED')
      if (losesReply || twice) {
        note(() => `${process.name}: the reply to ${name()} is lost`)
        return lost(random.int(1, 300))
      }
      const send = (decided: Reply) => this.sendBack(decided, resolve)
      if (reply instanceof Promise) void reply.then(send)
      else send(reply)
    }
    const atMs = Math.max(
      scheduler.nowMs + this.delayMs(),
      this.deps.isOrdered ? this.arrivedMs : 0,
    )
    this.arrivedMs = atMs
    scheduler.after(atMs - scheduler.nowMs, arrive, scheduler.world)
    if (twice) {
      const again = () => {
        note(() => `${process.name}: ${name()} is decided again`)
        this.deps.decide(statement)
      }
      const laterMs = atMs - scheduler.nowMs + random.int(1, 3_000)
      scheduler.after(laterMs, again, scheduler.world)
    }
    return promise
  }

  private sendBack(reply: Reply, resolve: (reply: Reply) => void): void {
    const { scheduler, process, isOrdered, onReply } = this.deps
    const atMs = Math.max(scheduler.nowMs + this.delayMs(), isOrdered ? this.repliedMs : 0)
    this.repliedMs = atMs
    const receive = () => {
      onReply(reply)
      resolve(reply)
    }
    scheduler.after(atMs - scheduler.nowMs, receive, process)
  }

  private has(fault: NetworkFault): boolean {
    const { scheduler, outages } = this.deps
    return outages().some((outage) => outage.fault === fault && outage.untilMs > scheduler.nowMs)
  }

  private delayMs(): number {
    const { random, scheduler, outages } = this.deps
    const silent = outages().find(({ fault }) => fault === 'silent')
    const pauseMs = silent ? Math.max(silent.untilMs - scheduler.nowMs, 0) : 0
    if (this.has('slow')) return pauseMs + random.int(100, 3_500)
    return pauseMs + random.int(1, 16) / 8
  }
}

/** A refusal that passes: too many connections, a serialization failure, a shutdown, a lock that took too long. */
function busy(random: Random): Reply {
  const code = random.pick(['53300', '40001', '57P01', '55P03'])
  return { error: { code, message: `simulated ${code}` } }
}
