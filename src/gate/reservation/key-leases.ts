/** What this gateway knows of a key that could have leases: its calls in flight, and its leases. */
import type { AppendResult } from '../../ledger/append/call-commands.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import { type CreditLease, isGrantedAlike, type LeaseRequest } from './credit-lease.ts'
import { canServe, type LeaseSize } from './lease-policy.ts'

export interface KeyLeases {
  readonly account: string
  /** In flight, on a lease or on holds of their own. */
  calls: number
  credits: number
  /** Those that are not released. */
  readonly leases: Set<CreditLease>
  /** A lease is on its way. */
  isRequesting: boolean
  lastCallAtMs: number
  /** Calls begun in the last whole second, and in the one that began at `secondAtMs`. */
  lastSecond: number
  thisSecond: number
  secondAtMs: number
}

export function newKeyLeases(key: KeyRecord): KeyLeases {
  return {
    ...{ account: leaseAccountOf(key), calls: 0, credits: 0, leases: new Set<CreditLease>() },
    ...{ isRequesting: false, lastCallAtMs: 0, lastSecond: 0, thisSecond: 0, secondAtMs: 0 },
  }
}

/** Live and test calls are counted apart, as their credits are. */
export function leaseAccountOf({ accountId, mode }: Pick<KeyRecord, 'accountId' | 'mode'>): string {
  return `${accountId} ${mode}`
}

export function countBegun(key: KeyLeases, { credits }: LeaseRequest, nowMs: number): void {
  key.calls++
  key.credits += credits
  key.lastCallAtMs = nowMs
  const sinceMs = nowMs - key.secondAtMs
  if (sinceMs >= 1_000) {
    key.lastSecond = sinceMs < 2_000 ? key.thisSecond : 0
    key.thisSecond = 0
    key.secondAtMs = nowMs
  }
  key.thisSecond++
}

/** The first lease on which the call may run. */
export function leaseFor(
  { leases }: KeyLeases,
  request: LeaseRequest,
  nowMs: number,
): CreditLease | undefined {
  for (const lease of leases) {
    const isOpen = !lease.isRetired && isGrantedAlike(lease, request.key)
    if (isOpen && canServe(lease, request, nowMs)) return lease
  }
  return undefined
}

/** All that is not released yet, whether calls begin on it or only end. */
export function sizeOnLease({ leases }: KeyLeases): LeaseSize {
  let [slots, credits] = [0, 0]
  for (const lease of leases) {
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
  { leases }: KeyLeases,
  lease: CreditLease | undefined,
  credits: number,
  result: AppendResult,
): AppendResult {
  let available = result.available + (lease && leases.has(lease) ? credits : 0)
  for (const { availableCredits } of leases) available += availableCredits
  return { ...result, available }
}
