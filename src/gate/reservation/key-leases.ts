/** What this gateway knows of a key that could have leases: its calls in flight, and its leases. */
import type { AppendResult } from '../../ledger/append/call-commands.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import { type CreditLease, isGrantedAlike, type LeaseRequest } from './credit-lease.ts'
import { canServe, type LeaseSize } from './lease-policy.ts'

export interface KeyLeases {
  readonly account: string
  /** The calls in flight, on a lease or on holds of their own, and the upper bounds of their prices together. */
  calls: number
  credits: number
  /** The leases that are not released. */
  readonly unreleased: Set<CreditLease>
  /** Whether the ledger is being asked for a lease. */
  isRequesting: boolean
  lastCallAtMs: number
  /** Calls begun in the last whole second, and in the one that began at `secondAtMs`. */
  lastSecond: number
  thisSecond: number
  secondAtMs: number
}

export function newKeyLeases(key: KeyRecord): KeyLeases {
  return {
    ...{ account: leaseAccountOf(key), calls: 0, credits: 0, unreleased: new Set<CreditLease>() },
    ...{ isRequesting: false, lastCallAtMs: 0, lastSecond: 0, thisSecond: 0, secondAtMs: 0 },
  }
}

/** Live and test calls are counted apart, as their credits are. */
export function leaseAccountOf({ accountId, mode }: Pick<KeyRecord, 'accountId' | 'mode'>): string {
  return `${accountId} ${mode}`
}

export function countBegun(leases: KeyLeases, { credits }: LeaseRequest, nowMs: number): void {
  leases.calls++
  leases.credits += credits
  leases.lastCallAtMs = nowMs
  const sinceMs = nowMs - leases.secondAtMs
  if (sinceMs >= 1_000) {
    leases.lastSecond = sinceMs < 2_000 ? leases.thisSecond : 0
    leases.thisSecond = 0
    leases.secondAtMs = nowMs
  }
  leases.thisSecond++
}

/** The first lease on which the call may run. */
export function leaseFor(
  { unreleased }: KeyLeases,
  asked: LeaseRequest,
  nowMs: number,
): CreditLease | undefined {
  for (const lease of unreleased) {
    const isOpen = !lease.isRetired && isGrantedAlike(lease, asked.key)
    if (isOpen && canServe(lease, asked, nowMs)) return lease
  }
  return undefined
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
