/**
 * Keeps the leases of this gateway (lease-policy.ts says when and how much). They are taken and released beside the
 * calls: a call that finds no slot takes a dedicated hold. A lease never grows: when more is needed, another one is
 * taken. One that is too old or too much is retired, and released when the last call on it has ended.
 */
import type { Appender } from '../../ledger/append/appender.ts'
import type { AppendResult, Hold, LeaseHold } from '../../ledger/append/call-commands.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import { newRequestId } from '../../lib/ids.ts'
import {
  type CreditLease,
  isGrantedAlike,
  type LeaseRequest,
  leaseCommand,
  newLease,
  releaseCommand,
  shrinkToCallsInFlight,
} from './credit-lease.ts'
import {
  countBegun,
  type KeyLeases,
  leaseAccountOf,
  leaseFor,
  newKeyLeases,
  sizeOnLease,
  withUnused,
} from './key-leases.ts'
import { exceedsBudget, idleMs, type LeaseSize, leaseSize, suspendedForMs } from './lease-policy.ts'

/** A call of a key that could have leases, counted from before it is reserved to its end. */
export interface CountedCall {
  readonly leases: KeyLeases
  readonly asked: LeaseRequest
  /** What it runs on. undefined: it takes a dedicated hold. */
  readonly lease: CreditLease | undefined
  isOver: boolean
}

export class LeaseManager {
  private readonly appenderOf: (shard: number) => Appender
  private readonly gateways: number
  private readonly log: (message: string, error?: unknown) => void
  /** By the key's id. */
  private readonly keys = new Map<string, KeyLeases>()
  /** Accounts that get no lease, and until when. */
  private readonly leasingSuspended = new Map<string, number>()
  /** What all keys of an account have on lease, or have asked for. */
  private readonly accounts = new Map<string, LeaseSize>()
  private readonly releasing = new Set<Promise<unknown>>()
  private readonly timer = setInterval(() => this.retireSome(), idleMs / 4)
  private isClosed = false

  constructor(
    appenderOf: (shard: number) => Appender,
    gateways: number,
    log: (message: string, error?: unknown) => void,
  ) {
    this.appenderOf = appenderOf
    this.gateways = gateways
    this.log = log
  }

  /** Counts a call, and gives it a slot of a lease where there is one. */
  acquire(asked: LeaseRequest): CountedCall {
    const { keyId } = asked.key
    let leases = this.keys.get(keyId)
    if (!leases) {
      leases = newKeyLeases(asked.key)
      this.keys.set(keyId, leases)
    }
    const nowMs = performance.now()
    countBegun(leases, asked, nowMs)
    const lease = leaseFor(leases, asked, nowMs)
    if (lease) {
      lease.availableSlots--
      lease.availableCredits -= asked.credits
    }
    return { leases, asked, lease, isOver: false }
  }

  /** The call has ended. May be called again. */
  returnSlot(call: CountedCall): void {
    if (this.uncount(call) && call.lease) this.releaseUnused(call.leases, call.lease)
  }

  /**
   * The call took a dedicated hold, by this key: the ledger was asked at this time. Leases of an older version of the
   * key are retired, and a key that is busy gets a lease.
   */
  onDedicatedHold(
    call: CountedCall,
    granted: KeyRecord,
    { available }: AppendResult,
    askedAtMs: number,
  ): void {
    const { leases, asked } = call
    for (const lease of leases.unreleased) {
      if (isGrantedAlike(lease, granted)) lease.soldAtMs = Math.max(lease.soldAtMs, askedAtMs)
      else this.retire(leases, lease)
    }
    const mayTake =
      !this.isClosed && !leases.isRequesting && !this.leasingSuspended.has(leases.account)
    if (mayTake) void this.takeLease(leases, { ...asked, key: granted }, available)
  }

  /** The ledger charged a call on its lease: it was asked at this time. Returns what is available to the account. */
  onCharged({ leases, lease, asked }: CountedCall, result: AppendResult, askedAtMs: number) {
    if (lease) lease.soldAtMs = Math.max(lease.soldAtMs, askedAtMs)
    if (exceedsBudget(sizeOnLease(leases), result.available)) this.retireAll(leases)
    return withUnused(leases, lease, asked.credits, result)
  }

  /** A call on its lease is not charged. Returns what is available to the account. */
  onVoided({ leases, lease, asked }: CountedCall, result: AppendResult): AppendResult {
    return withUnused(leases, lease, asked.credits, result)
  }

  /** The ledger did not charge a call on its lease: nothing more runs on that, and it is released at once. */
  onRejected({ leases, lease }: CountedCall): void {
    if (!lease) return
    lease.isRetired = true
    this.release(leases, lease)
  }

  /**
   * Takes the call's hold out of its lease. The lease is released, the hold taken, and a lease for the other calls on it
   * taken, as one group, so that nobody else's purchase comes between. The call's slot is returned.
   */
  async splitLease(call: CountedCall, hold: Hold): Promise<AppendResult> {
    const { leases, lease } = call
    if (!lease) throw new TypeError('the call runs on no lease')
    lease.isRetired = true
    while (lease.renewal) await lease.renewal
    this.uncount(call)
    const appender = this.appenderOf(lease.result.shard)
    if (!leases.unreleased.has(lease)) return appender.append(hold)
    this.resize(lease.command, -1)
    const isUnused = lease.availableSlots === lease.slots
    if (isUnused) leases.unreleased.delete(lease)
    const release = releaseCommand(lease)
    const rest = isUnused ? [] : [shrinkToCallsInFlight(lease, newRequestId(appender.ledgerNowMs))]
    const [released, held, renewed] = appender.appendGroup([release, hold, ...rest])
    this.track(released as Promise<AppendResult>)
    if (renewed) {
      this.resize(lease.command, 1)
      lease.renewal = this.renew(leases, lease, renewed)
    }
    return held as Promise<AppendResult>
  }

  /**
   * The ledger refused a call for want of credits or concurrency, which may be on lease: the account's leases are
   * released, and no more are taken for a while.
   */
  releaseLeases(key: KeyRecord): void {
    const account = leaseAccountOf(key)
    const isNew = !this.leasingSuspended.has(account)
    this.leasingSuspended.set(account, performance.now() + suspendedForMs)
    if (!isNew) return
    for (const leases of this.keys.values()) {
      if (leases.account === account) this.retireAll(leases)
    }
  }

  /** Releases the leases, and waits until that is appended. */
  async close(): Promise<void> {
    this.isClosed = true
    clearInterval(this.timer)
    for (const leases of this.keys.values()) {
      this.retireAll(leases)
      for (const lease of leases.unreleased) this.release(leases, lease)
    }
    await Promise.all(this.releasing)
  }

  /** Takes a lease for a key that is busy, beside the call that showed it. */
  private async takeLease(
    leases: KeyLeases,
    asked: LeaseRequest,
    available: number,
  ): Promise<void> {
    const { gateways } = this
    const { maxInFlight } = asked
    const accountLeases = this.accounts.get(leases.account) ?? { slots: 0, credits: 0 }
    const lastSecond = Math.max(leases.lastSecond, leases.thisSecond)
    const inFlight = { calls: leases.calls, credits: leases.credits, lastSecond }
    const size = leaseSize(inFlight, sizeOnLease(leases), {
      ...{ available, maxInFlight, gateways, onLease: accountLeases },
    })
    if (!size) return
    const appender = this.appenderOf(asked.key.shard)
    const command = leaseCommand(asked, size, newRequestId(appender.ledgerNowMs))
    const askedAtMs = performance.now()
    leases.isRequesting = true
    this.resize(command, 1)
    try {
      const result = await appender.append(command)
      // A lease that was refused is asked for again by the next call that takes a dedicated hold.
      if (result.verdict !== 'ok') return this.resize(command, -1)
      const lease = newLease(command, result, size, askedAtMs)
      lease.isRetired = this.isClosed || this.leasingSuspended.has(leases.account)
      leases.unreleased.add(lease)
      this.releaseUnused(leases, lease)
    } catch (error) {
      this.resize(command, -1)
      this.log('no lease is taken: the ledger cannot be reached', error)
    } finally {
      leases.isRequesting = false
    }
  }

  /** Waits for the lease that replaces one that was split. */
  private async renew(
    leases: KeyLeases,
    lease: CreditLease,
    renewed: Promise<AppendResult>,
  ): Promise<void> {
    try {
      const { verdict } = await renewed
      // The calls that run on it take dedicated holds at their end, then.
      if (verdict !== 'ok' && leases.unreleased.delete(lease)) this.resize(lease.command, -1)
    } catch (error) {
      this.log('no lease is taken: the ledger cannot be reached', error)
    } finally {
      lease.renewal = undefined
    }
  }

  /** Returns whether the call was counted until now. */
  private uncount(call: CountedCall): boolean {
    if (call.isOver) return false
    call.isOver = true
    const { leases, lease, asked } = call
    leases.calls--
    leases.credits -= asked.credits
    if (lease) {
      lease.availableSlots++
      lease.availableCredits += asked.credits
    }
    return true
  }

  /** Adds a lease's size to what its account has on lease, or subtracts it. */
  private resize(command: LeaseHold, sign: 1 | -1): void {
    const account = leaseAccountOf(command)
    const { slots, credits } = this.accounts.get(account) ?? { slots: 0, credits: 0 }
    const size = {
      slots: slots + sign * command.slots,
      credits: credits + sign * command.credits,
    }
    if (size.slots === 0) this.accounts.delete(account)
    else this.accounts.set(account, size)
  }

  private retireAll(leases: KeyLeases): void {
    for (const lease of leases.unreleased) this.retire(leases, lease)
  }

  private retire(leases: KeyLeases, lease: CreditLease): void {
    lease.isRetired = true
    this.releaseUnused(leases, lease)
  }

  private releaseUnused(leases: KeyLeases, lease: CreditLease): void {
    if (lease.isRetired && lease.availableSlots === lease.slots) this.release(leases, lease)
  }

  /** Should the ledger be away, the lease expires by itself. */
  private release(leases: KeyLeases, lease: CreditLease): void {
    if (lease.renewal) {
      void lease.renewal.then(() => this.release(leases, lease))
      return
    }
    if (!leases.unreleased.delete(lease)) return
    this.resize(lease.command, -1)
    this.track(this.appenderOf(lease.result.shard).append(releaseCommand(lease)))
  }

  private track(released: Promise<AppendResult>): void {
    const tracked = released
      .catch((error) => this.log('a lease waits for its expiry', error))
      .finally(() => this.releasing.delete(tracked))
    this.releasing.add(tracked)
  }

  /** Retires the leases of keys that have fallen idle, and those that are too old. */
  private retireSome(): void {
    const nowMs = performance.now()
    for (const [keyId, leases] of this.keys) {
      const isIdle = nowMs - leases.lastCallAtMs > idleMs
      if (isIdle) this.retireAll(leases)
      for (const lease of leases.unreleased) {
        lease.isRetired ||= nowMs > lease.acceptsUntilMs
        this.releaseUnused(leases, lease)
      }
      const isForgotten =
        isIdle && leases.calls === 0 && leases.unreleased.size === 0 && !leases.isRequesting
      if (isForgotten) this.keys.delete(keyId)
    }
    for (const [account, untilMs] of this.leasingSuspended) {
      if (nowMs > untilMs) this.leasingSuspended.delete(account)
    }
  }
}
