/** Reserves the most that a call can cost: a slot of the key's lease where there is one, else a hold of its own. */
import type { AppendResult, Claim } from '../../ledger/append/call-commands.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import { isMetered, meteredComponent } from '../../pricing/price-rule.ts'
import type { AuthorizedCall } from '../authorize/authorize.ts'
import type { Outcome } from '../outcome.ts'
import { DedicatedHold } from './dedicated-hold.ts'
import { GrowingHold } from './growing-hold.ts'
import { maxCallSeconds } from './hold-time.ts'
import type { CountedCall } from './lease-manager.ts'
import { LeaseSlot } from './lease-slot.ts'
import type { CallToReserve, Reservation, Terms } from './reservation.ts'
import type { ReserveDeps } from './reserve-deps.ts'
import {
  type Bound,
  type HoldResult,
  nameCall,
  type Replay,
  takeDedicatedHold,
  upperBound,
} from './take-dedicated-hold.ts'

export type Reserved =
  | { readonly kind: 'reserved'; readonly reservation: Reservation }
  /** The work was done for an earlier call with the same Idempotency-Key, and its response is stored. */
  | { readonly kind: 'resumed'; readonly reservation: Reservation; readonly claim: Claim }
  /** The call was made and charged before. */
  | Replay

export async function reserve(
  deps: ReserveDeps,
  authorized: AuthorizedCall,
  call: CallToReserve,
): Promise<Outcome<Reserved>> {
  const bounded = upperBound(authorized.price, call.content)
  if (!bounded.ok) return bounded
  const { bound } = bounded
  nameCall(deps, authorized.key, call)
  const counted = acquireSlot(deps, authorized, call, bound)
  let askedAtMs = performance.now()
  let outcome: Outcome<HoldResult>
  try {
    if (counted && !counted.lease) await deps.leases.takeLease(counted)
    if (counted?.lease) {
      const { lease } = counted
      const terms = termsOnLease(authorized, bound, lease.result)
      const reservation = new LeaseSlot(deps, call, terms, counted, lease)
      return { ok: true, kind: 'reserved', reservation }
    }
    askedAtMs = performance.now()
    outcome = await takeDedicatedHold(deps, authorized, call, bound)
  } catch (error) {
    if (counted) deps.leases.returnSlot(counted)
    throw error
  }
  if (!outcome.ok || outcome.kind === 'replay') {
    if (counted) deps.leases.returnSlot(counted)
    return outcome
  }
  const { terms } = outcome
  if (counted && isLeaseable(terms.key)) {
    deps.leases.onDedicatedHold(counted, terms.key, terms.result, askedAtMs)
  }
  if (outcome.kind === 'resumed') {
    const { kind, claim } = outcome
    return { ok: true, kind, claim, reservation: new DedicatedHold(deps, call, terms, counted) }
  }
  const metered = meteredComponent(terms.price)
  const reservation = metered
    ? new GrowingHold(deps, call, terms, metered, counted)
    : new DedicatedHold(deps, call, terms, counted)
  return { ok: true, kind: 'reserved', reservation }
}

/**
 * Only a call whose price is bounded from the start, which has arrived whole and which names no Idempotency-Key, can run
 * on a lease.
 */
function acquireSlot(
  { leases }: ReserveDeps,
  { key, tariff, price }: AuthorizedCall,
  { route, claim, isReceiving, isUnmeasured }: CallToReserve,
  { credits }: Bound,
): CountedCall | undefined {
  if (claim || isReceiving || isUnmeasured || credits === 0) return undefined
  if (isMetered(price) || !isLeaseable(key)) return undefined
  const maxInFlight = key.maxInFlight ?? tariff.plans[key.plan]?.maxInFlight ?? 0
  return leases.acquire({ key, maxInFlight, credits, seconds: maxCallSeconds(route) })
}

/**
 * A lease would count against a key's monthly cap. And the secret from before a rotation can end while the key is
 * sold to by the new one.
 */
function isLeaseable({ monthlyCap, previousUntil }: KeyRecord): boolean {
  return monthlyCap === null && previousUntil === null
}

function termsOnLease(
  { keyHash, key, price, plan }: AuthorizedCall,
  bound: Bound,
  result: AppendResult,
): Terms {
  return { keyHash, key, price, tariff: key.tariff, plan, ...bound, claim: undefined, result }
}
