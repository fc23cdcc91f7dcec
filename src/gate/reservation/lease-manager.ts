/**
 * Keeps the leases of this gateway (lease-policy.ts says when and how much). A call that finds no slot, and whose key
 * calls often, takes a lease and runs on it; what gets none takes a dedicated hold. A lease never grows: when
 * more is needed, another one is taken. One that is idle, too old or too much is retired, and released when the last call
 * on it has ended.
 */
import TinyQueue from 'tinyqueue'
import type { Config } from '../../config/config.ts'
import { UndecodableResult } from '../../ledger/append/append-reply.ts'
import type { Appender } from '../../ledger/append/appender.ts'
import type { AppendResult, Hold, LeaseHold, Verdict } from '../../ledger/append/call-commands.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import { LedgerUnavailable } from '../../ledger/unavailable.ts'
import { newRequestId } from '../../lib/ids.ts'
import { AccountsLeases } from './account-leases.ts'
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
  isCallingOften,
  isOver,
  type KeyLeases,
  leaseAccountOf,
  leaseFor,
  newKeyLeases,
  nextLookMs,
  sizeOnLease,
  withUnused,
} from './key-leases.ts'
import {
  acceptanceMs,
  exceedsBudget,
  keyIdleMs,
  type LeaseSize,
  leaseSize,
} from './lease-policy.ts'
import { isShort } from './refusal-of-verdict.ts'

/** A call of a key that could have leases, counted from before it is reserved to its end. */
export interface CountedCall {
  readonly leases: KeyLeases
  readonly asked: LeaseRequest
  /** What it runs on. undefined: it takes a dedicated hold. */
  lease: CreditLease | undefined
  /** Whether its key calls so often that a lease pays. */
  readonly isCallingOften: boolean
  isOver: boolean
}

/** When somebody looks at a key's leases, unless another time was set since. */
interface Look {
  readonly atMs: number
  readonly leases: KeyLeases
}

/** A lease that no call begins on any more. */
interface RetiredLease {
  readonly leases: KeyLeases
  readonly lease: CreditLease
}

const modes = ['live', 'test'] as const
/** Where very many leases are retired at once, so many are being released at a time: calls would wait behind them. */
const maxReleasing = 100
/** How often it is asked whose time has come. */
const looksEveryMs = 125

export class LeaseManager {
  private readonly appenderOf: (shard: number) => Appender
  private readonly gateways: number
  /** For how long no call has begun on a small lease when it is released, of a key without budgets. */
  private readonly idleMs: number
  private readonly log: (message: string, error?: unknown) => void
  /** By the key's id. */
  private readonly keys = new Map<string, KeyLeases>()
  private readonly accounts = new AccountsLeases()
  private readonly looks = new TinyQueue<Look>([], (a, b) => a.atMs - b.atMs)
  private readonly releasing = new Set<Promise<unknown>>()
  /** Retired leases: the unused ones are released as soon as fewer are being released. */
  private readonly toRelease: RetiredLease[] = []
  private readonly timer = setInterval(() => this.lookAtDue(), looksEveryMs)
  /** When it was last known which keys and accounts had changed. */
  private unchangedAtMs = Number.NEGATIVE_INFINITY
  private isClosed = false

  constructor(
    appenderOf: (shard: number) => Appender,
    { gateways, limits }: Pick<Config, 'gateways' | 'limits'>,
    log: (message: string, error?: unknown) => void,
  ) {
    this.appenderOf = appenderOf
    this.gateways = gateways
    this.idleMs = limits.leaseIdleSeconds * 1_000
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
    leases.idleMs = keyIdleMs(this.idleMs, asked.key.hasBudgets)
    const nowMs = performance.now()
    const begun = { leases, asked, isCallingOften: isCallingOften(leases, nowMs) }
    countBegun(leases, asked, nowMs)
    if (leases.looksAtMs === Number.POSITIVE_INFINITY) this.lookAt(leases, nowMs)
    const lease = leaseFor(leases, asked, nowMs, this.unchangedAtMs)
    const call: CountedCall = { ...begun, lease: undefined, isOver: false }
    if (lease) giveSlot(call, lease)
    return call
  }

  /**
   * Takes a lease for a call that found no slot, and gives it one of it. Nothing happens where its key does not call
   * often, or too little is available, or the ledger refuses: the call takes a dedicated hold then.
   * @throws LedgerUnavailable
   */
  async takeLease(call: CountedCall): Promise<void> {
    const { leases, asked, isCallingOften } = call
    const isPossible = isCallingOften && !leases.isRequesting && !this.isClosed
    if (!isPossible || this.accounts.isSuspended(leases.account)) return
    const size = this.sizeFor(leases, asked)
    if (!size) return
    const appender = this.appenderOf(asked.key.shard)
    const command = leaseCommand(asked, size, newRequestId(appender.ledgerNowMs))
    const askedAtMs = performance.now()
    const result = await this.ask(leases, appender, command)
    if (result?.verdict !== 'ok') {
      // Others of the account have taken what this gateway thought was available.
      if (result && isShort(result)) this.accounts.suspend(leases.account, performance.now())
      return
    }
    const lease = newLease(command, result, size, askedAtMs, acceptanceMs(Math.random()))
    leases.available = result.available
    leases.unreleased.add(lease)
    this.lookAt(leases, askedAtMs)
    const isUnwanted = this.isClosed || this.accounts.isSuspended(leases.account)
    // Whatever has changed since, the ledger sold to this call's key as the call knows it.
    if (!isUnwanted && lease.availableCredits >= asked.credits) giveSlot(call, lease)
    lease.isRetired = isUnwanted || result.position < leases.retiredBefore
    this.releaseUnused(leases, lease)
  }

  /** The call has ended. May be called again. */
  returnSlot(call: CountedCall): void {
    if (this.uncount(call) && call.lease) this.releaseUnused(call.leases, call.lease)
  }

  /**
   * The call took a dedicated hold, by this key: the ledger was asked at this time. Leases of an older version of the
   * key are retired.
   */
  onDedicatedHold(
    { leases }: CountedCall,
    granted: KeyRecord,
    { available }: AppendResult,
    askedAtMs: number,
  ): void {
    leases.available = available
    for (const lease of leases.unreleased) {
      if (isGrantedAlike(lease, granted)) lease.soldAtMs = Math.max(lease.soldAtMs, askedAtMs)
      else this.retire(leases, lease)
    }
  }

  /** The ledger charged a call on its lease: it was asked at this time. Returns what is available to the account. */
  onCharged({ leases, lease, asked }: CountedCall, result: AppendResult, askedAtMs: number) {
    leases.available = result.available
    if (lease) lease.soldAtMs = Math.max(lease.soldAtMs, askedAtMs)
    if (exceedsBudget(sizeOnLease(leases), result.available)) this.retireAll(leases)
    return withUnused(leases, lease, asked.credits, result)
  }

  /** A call on its lease is not charged. Returns what is available to the account. */
  onVoided({ leases, lease, asked }: CountedCall, result: AppendResult): AppendResult {
    return withUnused(leases, lease, asked.credits, result)
  }

  /**
   * The ledger did not charge a call on its lease: no other begins on that. It stands for those that run on it, unless it is
   * gone.
   */
  onRejected({ leases, lease }: CountedCall, verdict: Verdict): void {
    if (!lease) return
    lease.isRetired = true
    if (verdict === 'hold_not_open') this.release(leases, lease)
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
    const isUnused = lease.availableSlots === lease.slots
    if (isUnused) leases.unreleased.delete(lease)
    this.accounts.subtract(leases, lease.command)
    const release = releaseCommand(lease)
    const rest = isUnused
      ? []
      : [shrinkToCallsInFlight(lease, newRequestId(appender.ledgerNowMs), hold)]
    const [released, held, renewed] = appender.appendGroup([release, hold, ...rest])
    this.track(released as Promise<AppendResult>)
    if (renewed) {
      this.accounts.add(leases, lease.command)
      lease.renewal = this.renew(leases, lease, renewed)
    }
    return held as Promise<AppendResult>
  }

  /**
   * The ledger refused a call for want of credits or concurrency, which may be on lease: the account's leases are
   * released, and no more are taken for a while. Returns whether some were released: then the call can be decided again.
   */
  releaseLeases(key: KeyRecord): boolean {
    const account = leaseAccountOf(key.accountId, key.mode)
    this.accounts.suspend(account, performance.now())
    const releasedBefore = this.releasing.size
    for (const leases of this.accounts.keysOf(account)) {
      this.retireAll(leases)
      // Before the call is decided again, however many others are to be released.
      for (const lease of leases.unreleased) this.releaseUnused(leases, lease)
    }
    return this.releasing.size > releasedBefore
  }

  /**
   * Takes note of what had changed when the ledger was asked, at this time. Leases of these accounts are retired, unless they
   * were granted after the change, and others are known to stand.
   * @param changed the position of each account's last change; 'all' where nobody knows
   */
  onChanges(changed: ReadonlyMap<string, number> | 'all', askedAtMs: number): void {
    if (changed === 'all') for (const leases of this.accounts.keys()) this.retireAll(leases)
    else {
      for (const [accountId, position] of changed) {
        for (const mode of modes) {
          const account = leaseAccountOf(accountId, mode)
          for (const leases of this.accounts.keysOf(account)) this.retireAll(leases, position)
        }
      }
    }
    this.unchangedAtMs = askedAtMs
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

  private sizeFor(leases: KeyLeases, { maxInFlight }: LeaseRequest): LeaseSize | undefined {
    const { available, account } = leases
    if (available === undefined) return undefined
    const { gateways } = this
    const onLease = this.accounts.onLease(account)
    return leaseSize(leases, sizeOnLease(leases), { available, maxInFlight, gateways, onLease })
  }

  /**
   * The ledger's result; undefined where only this command is at fault, which says nothing of the call.
   * @throws LedgerUnavailable
   */
  private async ask(
    leases: KeyLeases,
    appender: Appender,
    command: LeaseHold,
  ): Promise<AppendResult | undefined> {
    let result: AppendResult | undefined
    leases.isRequesting = true
    leases.retiredBefore = 0
    this.accounts.add(leases, command)
    try {
      result = await appender.append(command)
      return result
    } catch (error) {
      const isAway =
        error instanceof LedgerUnavailable && !(error.cause instanceof UndecodableResult)
      if (isAway) throw error
      this.log('a lease is not taken', error)
      return undefined
    } finally {
      leases.isRequesting = false
      if (result?.verdict !== 'ok') this.accounts.subtract(leases, command)
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
      if (verdict !== 'ok' && leases.unreleased.delete(lease)) {
        this.accounts.subtract(leases, lease.command)
      }
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

  /** @param before of those that were granted at a lower position only */
  private retireAll(leases: KeyLeases, before = Number.POSITIVE_INFINITY): void {
    leases.retiredBefore = Math.max(leases.retiredBefore, before)
    for (const lease of leases.unreleased) {
      if (lease.result.position < before) this.retire(leases, lease)
    }
  }

  private retire(leases: KeyLeases, lease: CreditLease): void {
    lease.isRetired = true
    this.toRelease.push({ leases, lease })
    this.releaseSome()
  }

  private releaseSome(): void {
    while (this.releasing.size < maxReleasing) {
      const next = this.toRelease.pop()
      if (!next) return
      this.releaseUnused(next.leases, next.lease)
    }
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
    this.accounts.subtract(leases, lease.command)
    this.track(this.appenderOf(lease.result.shard).append(releaseCommand(lease)))
  }

  private track(released: Promise<AppendResult>): void {
    const tracked = released
      .catch((error) => this.log('a lease waits for its expiry', error))
      .finally(() => {
        this.releasing.delete(tracked)
        this.releaseSome()
      })
    this.releasing.add(tracked)
  }

  /** Sees to it that somebody looks at the key's leases when one may be over. */
  private lookAt(leases: KeyLeases, nowMs: number): void {
    const atMs = nextLookMs(leases, nowMs)
    if (atMs === undefined) {
      this.keys.delete(leases.keyId)
      return
    }
    if (atMs >= leases.looksAtMs) return
    leases.looksAtMs = atMs
    this.looks.push({ atMs, leases })
  }

  /** Retires leases of keys that have fallen idle, and those that are too old. */
  private lookAtDue(): void {
    const nowMs = performance.now()
    for (let look = this.looks.peek(); look && look.atMs <= nowMs; look = this.looks.peek()) {
      this.looks.pop()
      const { leases } = look
      if (look.atMs !== leases.looksAtMs) continue
      leases.looksAtMs = Number.POSITIVE_INFINITY
      for (const lease of leases.unreleased) {
        if (isOver(leases, lease, nowMs)) this.retire(leases, lease)
      }
      this.lookAt(leases, nowMs)
    }
    this.accounts.resume(nowMs)
  }
}

function giveSlot(call: CountedCall, lease: CreditLease): void {
  call.lease = lease
  lease.availableSlots--
  lease.availableCredits -= call.asked.credits
}
