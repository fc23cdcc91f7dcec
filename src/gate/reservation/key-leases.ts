/** What this gateway knows of a key that could have leases: its calls in flight, and its leases. */
import type { AppendResult } from '../../ledger/append/call-commands.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import { type CreditLease, isGrantedAlike, type LeaseRequest } from './credit-lease.ts'
import { callsOftenWithinMs, canServe, type LeaseSize, leaseIdleMs } from './lease-policy.ts'

export interface KeyLeases {
  readonly keyId: string
  readonly account: string
  /** The calls in flight, on a lease or on holds of their own, and the upper bounds of their prices together. */
  calls: number
  credits: number
  /** The leases that are not released. */
  readonly unreleased: Set<CreditLease>
  /** Whether the ledger is being asked for a lease. */
  isRequesting: boolean
  /** Nor does a second call begin on the lease that is being asked for, if it is granted at a lower position. */
  retiredBefore: number
  /** For how long no call has begun on a small lease when it is released. */
  idleMs: number
  /** When the key last called, on the monotonic clock. */
  lastCallAtMs: number
  /** When it called before that. */
  callBeforeAtMs: number
  /** What the account had available, as the ledger's last reply to a call of the key said. undefined: there was none. */
  available: number | undefined
  /** When somebody looks at it again: whether it is idle, or a lease too old. */
  looksAtMs: number
}

export function newKeyLeases(key: KeyRecord): KeyLeases {
  return {
    ...{ keyId: key.keyId, account: leaseAccountOf(key.accountId, key.mode) },
    ...{ calls: 0, credits: 0, unreleased: new Set<CreditLease>() },
    ...{ isRequesting: false, retiredBefore: 0, idleMs: 0 },
    ...{ lastCallAtMs: Number.NEGATIVE_INFINITY, callBeforeAtMs: Number.NEGATIVE_INFINITY },
    ...{ available: undefined, looksAtMs: Number.POSITIVE_INFINITY },
  }
}

/** Live and test calls are counted apart, as their credits are. */
export function leaseAccountOf(accountId: string, mode: string): string {
  return `${accountId} ${mode}`
}

export function countBegun(leases: KeyLeases, { credits }: LeaseRequest, nowMs: number): void {
  leases.calls++
  leases.credits += credits
  leases.callBeforeAtMs = leases.lastCallAtMs
  leases.lastCallAtMs = nowMs
}

/** Whether the next call of the key, which begins now, will be followed by others soon, as far as its last ones tell. */
export function isCallingOften({ callBeforeAtMs, idleMs }: KeyLeases, nowMs: number): boolean {
  return nowMs - callBeforeAtMs <= callsOftenWithinMs(idleMs)
}

/**
 * The first lease on which the call may run.
 * @param unchangedAtMs when it was last known that nothing had changed of the key
 */
export function leaseFor(
  { unreleased }: KeyLeases,
  asked: LeaseRequest,
  nowMs: number,
  unchangedAtMs: number,
): CreditLease | undefined {
  for (const lease of unreleased) {
    const isOpen = !lease.isRetired && isGrantedAlike(lease, asked.key)
    if (isOpen && canServe(lease, asked, nowMs, unchangedAtMs)) return lease
  }
  return undefined
}

/** Whether no call begins on the lease any more, by its age or because the key has fallen idle. */
export function isOver(leases: KeyLeases, lease: CreditLease, nowMs: number): boolean {
  return nowMs >= endsAtMs(leases, lease)
}

/**
 * When the key's leases have to be looked at again. undefined: never, for nothing is on lease or in flight, and its next call
 * would be like its first.
 */
export function nextLookMs(leases: KeyLeases, nowMs: number): number | undefined {
  const { lastCallAtMs, unreleased, calls, isRequesting, idleMs } = leases
  const oftenMs = callsOftenWithinMs(idleMs)
  let atMs = lastCallAtMs + oftenMs
  if (atMs <= nowMs) {
    if (calls === 0 && unreleased.size === 0 && !isRequesting) return undefined
    atMs = nowMs + oftenMs
  }
  for (const lease of unreleased) {
    if (!lease.isRetired) atMs = Math.min(atMs, endsAtMs(leases, lease))
  }
  return atMs
}

function endsAtMs(
  { lastCallAtMs, idleMs }: KeyLeases,
  { acceptsUntilMs, slots }: CreditLease,
): number {
  return Math.min(acceptsUntilMs, lastCallAtMs + leaseIdleMs(slots, idleMs))
}

/** All that is not released yet, whether calls begin on it or only end. */
export function sizeOnLease({ unreleased }: KeyLeases): LeaseSize {
  let [slots, credits] = [0, 0]
  for (const lease of unreleased) {
    slots += lease.slots
    credits += lease.credits
  }
  return { slots, credits }
}

/**
 * The result with the credits that the account can use beyond what the ledger says: those that no call uses on a lease,
 * and those of the call on `lease` that has just ended.
 */
export function withUnused(
  { unreleased }: KeyLeases,
  lease: CreditLease | undefined,
  credits: number,
  result: AppendResult,
): AppendResult {
  let available = result.available + (lease && unreleased.has(lease) ? credits : 0)
  for (const { availableCredits } of unreleased) available += availableCredits
  return { ...result, available }
}
