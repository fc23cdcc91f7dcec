/** What the keys of each account have on lease at this gateway, and which accounts get no lease for a while. */
import type { KeyLeases } from './key-leases.ts'
import { type LeaseSize, suspendedForMs } from './lease-policy.ts'

interface AccountLeases {
  slots: number
  credits: number
  /** Keys that have leases, or ask for one. */
  readonly keys: Set<KeyLeases>
}

const nothing: LeaseSize = { slots: 0, credits: 0 }

export class AccountsLeases {
  private readonly accounts = new Map<string, AccountLeases>()
  /** Until when an account gets no lease. */
  private readonly suspendedUntilMs = new Map<string, number>()

  /** What all keys of an account have on lease, or have asked for. */
  onLease(account: string): LeaseSize {
    return this.accounts.get(account) ?? nothing
  }

  /** The keys of an account that have leases, or ask for one. */
  keysOf(account: string): Iterable<KeyLeases> {
    return this.accounts.get(account)?.keys ?? []
  }

  /** The same of all accounts. */
  *keys(): Iterable<KeyLeases> {
    for (const { keys } of this.accounts.values()) yield* keys
  }

  /** Adds a lease's size to what the key's account has on lease. */
  add(leases: KeyLeases, { slots, credits }: LeaseSize): void {
    let account = this.accounts.get(leases.account)
    if (!account) {
      account = { slots: 0, credits: 0, keys: new Set() }
      this.accounts.set(leases.account, account)
    }
    account.slots += slots
    account.credits += credits
    account.keys.add(leases)
  }

  /** Takes it away again, once the key has the lease no more. */
  subtract(leases: KeyLeases, { slots, credits }: LeaseSize): void {
    const account = this.accounts.get(leases.account)
    if (!account) return
    account.slots -= slots
    account.credits -= credits
    if (leases.unreleased.size === 0 && !leases.isRequesting) account.keys.delete(leases)
    if (account.slots === 0) this.accounts.delete(leases.account)
  }

  suspend(account: string, nowMs: number): void {
    this.suspendedUntilMs.set(account, nowMs + suspendedForMs)
  }

  isSuspended(account: string): boolean {
    return this.suspendedUntilMs.has(account)
  }

  resume(nowMs: number): void {
    for (const [account, untilMs] of this.suspendedUntilMs) {
      if (nowMs > untilMs) this.suspendedUntilMs.delete(account)
    }
  }
}
