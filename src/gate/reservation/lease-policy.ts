/**
 * When a gateway takes a lease for a key, how large it is, how long it is kept, and which calls may run on it. A lease
 * reserves what the key's next calls may cost before they come, so that a call can begin without asking the ledger, and
 * costs it one event instead of two. A lease itself costs two, and the call that takes it saves none, so it pays from the
 * third call on it: it is for keys that call so often that more will come in its life. lease-manager.ts keeps the leases. Here are pure decisions.
 *
 * Leasing is modest, because a lease keeps credits and concurrency from others of the account. It takes only what is
 * plentiful, only while the key calls, and only for about as many calls as the key has in flight.
 */

import { maxAmount } from '../../../events/bounds.ts'

/** What of a lease decides whether a call may run on it. */
export interface LeaseTerms {
  /** Not used by a call just now. */
  availableSlots: number
  availableCredits: number
  /** Calls begin on it until then, on the monotonic clock. */
  readonly acceptsUntilMs: number
  /** No gateway expires it before then. */
  readonly expiresAtMs: number
  /** When the ledger was last asked to sell to the key, and did. */
  soldAtMs: number
}

/** A key that makes its third call within this part of the time in which a small lease falls idle gets a lease. */
const callsOftenWithinPart = 1 / 2
/** The part of the available credits that may be on lease. */
const maxPartOfAvailable = 1 / 16
/** The part of the account's concurrency that may be on lease, over all gateways. */
const maxPartOfConcurrency = 1 / 4
/** After a call of the account was refused for credits or concurrency, it gets no lease for so long. */
export const suspendedForMs = 10_000
/** A lease of at most so many slots is small: what it keeps from others is not missed for a while. */
const maxSmallSlots = 3
/** A larger one, which a key in a burst of calls had, is released when no call has begun on it for so long. */
const largeLeaseIdleMs = 500
/** No call begins by what was known longer ago: a key that was revoked since is not forwarded. */
const maxStalenessMs = 1_000
/** A lease of a key with budgets is released when no call has begun on it for so long: a budget is small beside an account's credits. */
const budgetedLeaseIdleMs = 2_000
/** Calls begin on a lease for so long at most. */
const acceptsForMs = 60_000
/** And for this part of it at least: leases that were taken at one time are not renewed at one time. */
const minPartAccepting = 3 / 4

/** So many calls at once, and what they may cost together. */
export interface LeaseSize {
  readonly slots: number
  readonly credits: number
}

/** A key's calls in flight, on a lease or not, and the upper bounds of their prices together. */
interface CallsInFlight {
  readonly calls: number
  readonly credits: number
}

/** What limits the leases of an account. */
interface AccountLimits {
  readonly available: number
  readonly maxInFlight: number
  readonly gateways: number
  /** What all its keys have on lease at this gateway. */
  readonly onLease: LeaseSize
}

/**
 * How large a lease to take for a key; undefined: none. With what is on lease already it serves half as many calls again
 * as are in flight.
 * @param onLease what the key has on lease
 */
export function leaseSize(
  inFlight: CallsInFlight,
  onLease: LeaseSize,
  account: AccountLimits,
): LeaseSize | undefined {
  const creditsEach = inFlight.credits / inFlight.calls
  const maxSlots = Math.floor((account.maxInFlight * maxPartOfConcurrency) / account.gateways)
  const maxCredits = (account.available + account.onLease.credits) * maxPartOfAvailable
  const most = Math.min(
    maxSlots - account.onLease.slots,
    Math.floor((maxCredits - account.onLease.credits) / creditsEach),
    Math.floor(maxAmount / creditsEach),
  )
  const slots = Math.min(Math.ceil(inFlight.calls * 1.5) - onLease.slots, most)
  // An account with little gets no lease at all, and slivers are not worth an event.
  if (slots < 1 || slots < (onLease.slots + slots) / 4) return undefined
  return { slots, credits: Math.ceil(slots * creditsEach) }
}

/** For how long calls begin on a lease. @param random from 0 up to 1 */
export function acceptanceMs(random: number): number {
  return acceptsForMs * (minPartAccepting + (1 - minPartAccepting) * random)
}

/** How long a lease is held: a call that begins at its last moment still ends in time. */
export function leaseSeconds(callSeconds: number): number {
  return acceptsForMs / 1_000 + callSeconds
}

/** The same as `idleMs`, of one key. @param idleMs for how long no call has begun on a small lease when it is released */
export function keyIdleMs(idleMs: number, hasBudgets: boolean): number {
  return hasBudgets ? Math.min(budgetedLeaseIdleMs, idleMs) : idleMs
}

/**
 * For how long no call has begun on a lease of so many slots when it is released.
 * @param idleMs the same of a small lease
 */
export function leaseIdleMs(slots: number, idleMs: number): number {
  return slots > maxSmallSlots ? Math.min(largeLeaseIdleMs, idleMs) : idleMs
}

/**
 * How long ago the last call but one of a key may have begun for its next call to take a lease. A key that goes on like this
 * makes four calls or more on it.
 * @param idleMs for how long no call has begun on a small lease when it is released
 */
export function callsOftenWithinMs(idleMs: number): number {
  return idleMs * callsOftenWithinPart
}

/**
 * Whether a call of at most so many credits, which ends within so many seconds, may run on the lease.
 * @param unchangedAtMs when it was last known that nothing had changed of the key
 */
export function canServe(
  lease: LeaseTerms,
  call: { readonly credits: number; readonly seconds: number },
  nowMs: number,
  unchangedAtMs: number,
): boolean {
  return (
    lease.availableSlots > 0 &&
    call.credits <= lease.availableCredits &&
    nowMs - Math.max(lease.soldAtMs, unchangedAtMs) <= maxStalenessMs &&
    nowMs <= lease.acceptsUntilMs &&
    nowMs + call.seconds * 1_000 <= lease.expiresAtMs
  )
}

/** Whether twice as much is on lease as may be. Below that, leases would be released and taken again all the time. */
export function exceedsBudget(onLease: LeaseSize, available: number): boolean {
  return onLease.credits > 2 * maxPartOfAvailable * available
}
