/** The world of a run: it opens a shop, lets what is planned happen, ends all faults, and looks who still waits. */
import { hashKey } from '../../src/gate/authenticate/key-format.ts'
import { requestOf, serveCall } from './client.ts'
import { LedgerHost } from './ledger-host.ts'
import { Machine } from './machine.ts'
import type { MemoryLedger } from './memory-ledger/memory-ledger.ts'
import { type Customer, Operator } from './operator.ts'
import type { Action, CallAction, Plan } from './plan.ts'
import type { CallRecord, Records } from './records.ts'
import type { Scheduler } from './scheduler.ts'
import type { Note, Trace } from './trace.ts'

interface WorldDeps {
  readonly plan: Plan
  readonly scheduler: Scheduler
  readonly ledger: MemoryLedger
  readonly records: Records
  readonly trace: Trace | undefined
}

/** Gateways start when the shop is open, and actions begin when they serve. */
const startMs = 100
const actionsMs = 500
/** After the last fault: the least that a run goes on, and the most that anybody can have to wait. */
const leastSettleMs = 3_000
const mostSettleMs = 45_000
/** Until every gateway knows that the loss is accepted. */
const acceptMs = 1_500
const probeMs = 1_000
/** Periodic tasks send commands at any time: each of them ends within this. */
const mostPendingMs = 10_000
const pendingStepMs = 50

export class World {
  private readonly plan: Plan
  private readonly scheduler: Scheduler
  private readonly ledger: MemoryLedger
  private readonly records: Records
  private readonly trace: Trace | undefined
  private readonly host: LedgerHost
  private readonly operator: Operator
  private readonly machines: readonly Machine[]
  /** The last one is honest, and calls at the end only. */
  private customers: readonly Customer[] = []

  constructor({ plan, scheduler, ledger, records, trace }: WorldDeps) {
    this.plan = plan
    this.scheduler = scheduler
    this.ledger = ledger
    this.records = records
    this.trace = trace
    const { note } = this
    this.host = new LedgerHost({ scheduler, ledger, records, note })
    this.operator = new Operator(this.host, note)
    const { seed } = plan
    this.machines = Array.from(
      { length: plan.gateways },
      (_, nth) => new Machine(nth, { seed, scheduler, host: this.host, note }),
    )
  }

  async run(): Promise<void> {
    const { scheduler, plan, machines } = this
    scheduler.after(0, () => void this.openShop(), scheduler.world)
    await scheduler.runUntil(startMs)
    this.ledger.beginBackups()
    for (const machine of machines) machine.start()
    for (const action of plan.actions) {
      scheduler.after(actionsMs - startMs + action.atMs, () => this.act(action), scheduler.world)
    }
    await scheduler.runUntil(actionsMs + faultsEndMs(plan))
    this.note(() => 'all faults end')
    this.host.endFaults()
    for (const machine of machines) machine.endFaults()
    await this.runWhileSomethingWaits()
    // In every other run the owner accepts what is lost.
    if (plan.seed % 2 === 0) await this.host.acceptLoss()
    await scheduler.runUntil(scheduler.nowMs + acceptMs)
    this.probe()
    await scheduler.runUntil(scheduler.nowMs + probeMs)
    await this.runWhileCommandsArePending()
    this.recordUnended()
  }

  /** Goes on for some seconds, and longer while calls are open, commands pending or holds not resolved. */
  private async runWhileSomethingWaits(): Promise<void> {
    const { scheduler, records, ledger, machines, plan } = this
    const isWaiting = () =>
      records.calls.some(({ endedMs }) => endedMs === undefined) ||
      machines.some(({ gateway }) => !gateway || gateway.pending() > 0) ||
      // Holds expire in every fourth run: it takes longer than all else.
      (plan.seed % 4 === 0 && ledger.state.open_holds.size > 0)
    const [leastMs, mostMs] = [scheduler.nowMs + leastSettleMs, scheduler.nowMs + mostSettleMs]
    while (scheduler.nowMs < leastMs || (scheduler.nowMs < mostMs && isWaiting())) {
      await scheduler.runUntil(scheduler.nowMs + 1_000)
    }
  }

  private async runWhileCommandsArePending(): Promise<void> {
    const { scheduler, machines } = this
    const isPending = () => machines.some(({ gateway }) => gateway && gateway.pending() > 0)
    const mostMs = scheduler.nowMs + mostPendingMs
    while (scheduler.nowMs < mostMs && isPending()) {
      await scheduler.runUntil(scheduler.nowMs + pendingStepMs)
    }
  }

  private recordUnended(): void {
    for (const { name, gateway } of this.machines) {
      const pending = gateway?.pending() ?? 0
      if (pending > 0) this.records.unended.push(`${name} has ${pending} commands under way`)
      if (!gateway) this.records.unended.push(`${name} never started`)
    }
  }

  private readonly note: Note = (text) => {
    const said = this.trace && text()
    if (said) this.trace?.note(this.scheduler.nowMs, said)
  }

  private async openShop(): Promise<void> {
    const honest = { plan: 'large', granted: 1_000 }
    this.customers = await this.operator.openShop([...this.plan.accounts, honest])
  }

  private act(action: Action): void {
    switch (action.do) {
      case 'call':
        this.call(action, this.customer(action.account))
        break
      case 'network': {
        const machine = this.machine(action.gateway)
        const { fault, forMs } = action
        this.note(() => `the network of ${machine.name}: ${fault} for ${forMs} ms`)
        machine.outages.push({ fault, untilMs: this.scheduler.nowMs + forMs })
        break
      }
      case 'poison':
        this.machine(action.gateway).poison = action.as
        break
      case 'stop': {
        const machine = this.machine(action.gateway)
        machine.strike(action.when, () => machine.stop(action.forMs))
        break
      }
      case 'kill': {
        const machine = this.machine(action.gateway)
        machine.strike(action.when, () => this.kill(machine))
        break
      }
      case 'ledger-down':
        this.host.goDown(action.forMs)
        break
      case 'put-back':
        this.host.putBack(action.transactions)
        break
      case 'forget-producers':
        this.host.forgetProducers()
        break
      case 'ledger-clock':
        this.host.shiftClock(action.shiftMs, action.forMs)
        break
      case 'misread-clock':
        this.host.misreadClock(action.shiftMs)
        break
      case 'gateway-clock':
        this.machine(action.gateway).shiftClock(action.shiftMs, action.forMs)
        break
      case 'send-as-another':
        void this.host.sendAsAnother(action.pick)
        break
      case 'ask-back':
        this.askBack(this.machine(action.gateway))
        break
      case 'grant':
        this.command(this.operator.grant(this.customer(action.account), action.credits))
        break
      case 'adjust':
        this.command(this.operator.adjust(this.customer(action.account), action.credits))
        break
      case 'budget':
        this.command(this.operator.setBudget(this.customer(action.account), action))
        break
      case 'revoke':
        this.command(this.operator.revoke(this.customer(action.account)))
        break
      default:
        action satisfies never
    }
  }

  /** The operator's commands fail where the ledger takes none. */
  private command(done: Promise<void>): void {
    done.catch((error) => this.note(() => `operator: ${error.message}`))
  }

  private call(action: CallAction, { accountId, key }: Customer): CallRecord {
    const { scheduler, records, note } = this
    const { process, gateway } = this.machine(action.gateway)
    const nth = records.calls.length + 1
    const call: CallRecord = { nth, gateway: process.name, begunMs: scheduler.nowMs }
    records.calls.push(call)
    note(() => `call ${nth} of ${accountId}: ${action.route} at ${process.name}`)
    if (!gateway || process.state === 'dead') {
      call.endedMs = scheduler.nowMs
      return call
    }
    const request = requestOf(action, key)
    const connection = { scheduler, process, gateway, note }
    scheduler.after(0.25, () => serveCall(connection, request, call), process)
    if (action.leavesAfterMs === undefined) return call
    const leave = () => {
      if (call.endedMs !== undefined) return
      call.hasLeft = true
      note(() => `the client of call ${nth} leaves`)
    }
    scheduler.after(action.leavesAfterMs, leave, scheduler.world)
    return call
  }

  private kill(machine: Machine): void {
    const { name } = machine.process
    machine.kill()
    // Their connections are reset.
    for (const call of this.records.calls) {
      if (call.gateway === name) call.endedMs ??= this.scheduler.nowMs
    }
  }

  /** Every customer asks for every charge back. */
  private askBack({ process, gateway }: Machine): void {
    const { scheduler, records, ledger, note } = this
    if (!gateway || process.state === 'dead') return
    const charges = ledger.events.filter(({ type }) => type === 'HoldSettled')
    for (const { request_id: requestId, key_id } of charges) {
      const key = this.customers.find(({ keyId }) => keyId === key_id)?.key ?? ''
      const ask = async () => {
        const result = await gateway.askBack(requestId, hashKey(key))
        if (result !== 'refunded') return
        records.refunds.push({ requestId, atMs: scheduler.nowMs })
        note(() => `${process.name}: the charge of ${requestId} is refunded`)
      }
      const failed = () => note(() => `${process.name}: nobody says what became of ${requestId}`)
      scheduler.after(0.25, () => void ask().catch(failed), process)
    }
  }

  /** An honest customer calls at every gateway: what is whole again sells. */
  private probe(): void {
    const honest = this.customers.at(-1) as Customer
    for (const gateway of this.machines.keys()) {
      const action = { do: 'call', gateway, account: 0, route: 'say', tokens: 1 } as const
      this.call({ ...action, upstreamMs: 5, outcome: 'ok' }, honest).isLast = true
    }
  }

  private machine(nth: number): Machine {
    return this.machines[nth % this.machines.length] as Machine
  }

  private customer(nth: number): Customer {
    return this.customers[nth % this.plan.accounts.length] as Customer
  }
}

/** When the last action is over. */
function faultsEndMs({ actions }: Plan): number {
  const ends = actions.map((action) => action.atMs + ('forMs' in action ? action.forMs : 0))
  return Math.max(0, ...ends) + 500
}
