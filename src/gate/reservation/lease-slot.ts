/**
 * A slot of the key's lease: the call begins without asking the ledger, and its charge, at its end, is decided as its
 * own hold would have been. Where the ledger does not charge it so, the call converts to a dedicated hold.
 */

import { type Counted, countedOf } from '../../../events/counted.ts'
import type { Appender } from '../../ledger/append/appender.ts'
import type { AppendResult, ReleaseReason, Verdict } from '../../ledger/append/call-commands.ts'
import { LedgerUnavailable } from '../../ledger/unavailable.ts'
import type { Refusal } from '../../problems/refusal.ts'
import { type AuthorizedCall, authorizeCall } from '../authorize/authorize.ts'
import type { Outcome } from '../outcome.ts'
import { priceMissing } from '../refusals.ts'
import type { CreditLease } from './credit-lease.ts'
import { DedicatedHold } from './dedicated-hold.ts'
import type { CountedCall } from './lease-manager.ts'
import { purchasePreconditions } from './purchase-preconditions.ts'
import { isShortOfCredits } from './refusal-of-verdict.ts'
import {
  type CallToReserve,
  type Charge,
  callRef,
  capCharge,
  LeaseChargeRejected,
  type Reservation,
  type Terms,
  type Usage,
} from './reservation.ts'
import type { ReserveDeps } from './reserve-deps.ts'
import { type Bound, nameCall, takeDedicatedHold, upperBound } from './take-dedicated-hold.ts'

/** A minute less than the ledger takes, for what the two clocks may differ by. */
const maxIdAgeMs = 240_000

export class LeaseSlot implements Reservation {
  readonly terms: Terms
  private readonly deps: ReserveDeps
  private readonly call: CallToReserve
  private readonly counted: CountedCall
  private readonly lease: CreditLease
  private readonly appender: Appender
  private rejectedWith: Verdict | undefined
  /** The ledger did not say whether it wrote the charge. */
  private isChargeUnknown = false

  constructor(
    deps: ReserveDeps,
    call: CallToReserve,
    terms: Terms,
    counted: CountedCall,
    lease: CreditLease,
  ) {
    this.deps = deps
    this.call = call
    this.terms = terms
    this.counted = counted
    this.lease = lease
    this.appender = deps.appenderOf(terms.key.shard)
  }

  get isAlive(): boolean {
    return performance.now() < this.lease.expiresAtMs
  }

  /** It covers its upper bound from the start, and does not grow. */
  async ensure(_used: Counted, _extra?: number): Promise<Refusal | undefined> {
    return undefined
  }

  /** It covers the whole call: whoever expires it charges nothing. */
  async beforeSending(_used: Counted): Promise<Refusal | undefined> {
    return undefined
  }

  cappedCharge(used: Counted): Charge {
    return capCharge(this.terms, used)
  }

  async charge({ credits, status, shortfall, ...usage }: Usage): Promise<AppendResult> {
    const { leases } = this.deps
    while (this.lease.renewal) await this.lease.renewal
    const askedAtMs = performance.now()
    let result: AppendResult
    try {
      result = await this.appender.append({
        kind: 'charge_on_lease',
        ...callRef(this.call, this.terms),
        ...purchasePreconditions(this.terms.key),
        ...{ lease: this.lease.id, credits, ...countedOf(usage), status },
        ...(shortfall && { shortfall }),
      })
    } catch (error) {
      this.isChargeUnknown = error instanceof LedgerUnavailable
      throw error
    }
    if (result.verdict === 'ok') return leases.onCharged(this.counted, result, askedAtMs)
    if (result.verdict === 'duplicate_request') {
      this.isChargeUnknown = true
      throw new LedgerUnavailable('the request has ended already', { mayBeWritten: true })
    }
    this.rejectedWith = result.verdict
    // When credits are short, convertToDedicatedHold splits the lease.
    if (!isShortOfCredits(result.verdict)) leases.onRejected(this.counted, result.verdict)
    throw new LeaseChargeRejected(result.verdict)
  }

  /** A lease slot has no hold of its own to free. If the charge may be written, nothing is sent. */
  async void(reason: ReleaseReason, status?: number): Promise<AppendResult | undefined> {
    if (this.isChargeUnknown) return undefined
    try {
      while (this.lease.renewal) await this.lease.renewal
      const result = await this.appender.append({
        kind: 'void_on_lease',
        ...callRef(this.call, this.terms),
        ...{ lease: this.lease.id, quantity: this.terms.quantity, reason },
        ...(status === undefined ? {} : { status }),
      })
      return result.verdict === 'ok' ? this.deps.leases.onVoided(this.counted, result) : undefined
    } catch {
      return undefined
    }
  }

  /** The lease is split only where nothing else is left: other calls run on it. */
  async convertToDedicatedHold(): Promise<Outcome<{ readonly reservation: Reservation }>> {
    if (this.rejectedWith && isShortOfCredits(this.rejectedWith)) return this.takeHold(true)
    const outcome = await this.takeHold(false)
    if (outcome.ok) return outcome
    const { code } = outcome.refusal
    const isShort =
      code === 'concurrency_exceeded' ||
      code === 'insufficient_credits' ||
      code === 'budget_exceeded'
    return isShort ? this.takeHold(true) : outcome
  }

  /** A call whose response is long converts to a dedicated hold first. */
  keepAlive(): void {}

  onLost(_listener: (refusal: Refusal) => void): void {}

  end(): void {
    this.deps.leases.returnSlot(this.counted)
  }

  /** @param splitsLease takes the hold's credits and concurrency out of the lease */
  private async takeHold(
    splitsLease: boolean,
  ): Promise<Outcome<{ readonly reservation: Reservation }>> {
    const { deps, call, counted } = this
    const { leases } = deps
    const asked = splitsLease ? await this.termsNow() : await this.termsAtFirst()
    if (!asked.ok) return asked
    const { authorized, bound } = asked
    // The id was made when the call began, and the ledger takes no hold under an old one.
    if (performance.now() - call.startedAtMs > maxIdAgeMs) nameCall(deps, authorized.key, call)
    const outcome = await takeDedicatedHold(
      deps,
      authorized,
      call,
      bound,
      splitsLease ? (hold) => leases.splitLease(counted, hold) : undefined,
    )
    if (!outcome.ok) return outcome
    if (outcome.kind === 'replay') {
      throw new TypeError('a call without an Idempotency-Key replays nothing')
    }
    leases.returnSlot(counted)
    return { ok: true, reservation: new DedicatedHold(deps, call, outcome.terms) }
  }

  private async termsAtFirst(): Promise<Outcome<HoldToTake>> {
    const { tariffs } = this.deps
    const { keyHash, key, price, plan } = this.terms
    const tariff = tariffs.peek(key.tariff) ?? (await tariffs.find(key.tariff))
    if (!tariff) return { ok: false, refusal: priceMissing }
    return { ok: true, authorized: { keyHash, key, tariff, price, plan }, bound: this.terms }
  }

  /** What is left of a lease that is split is taken anew, which the ledger refuses to a key that has changed since. */
  private async termsNow(): Promise<Outcome<HoldToTake>> {
    const { deps, call, terms } = this
    const outcome = await authorizeCall(deps, terms.keyHash, call.route, call.request, 0)
    if (!outcome.ok) return outcome
    const { authorized } = outcome
    const bounded = upperBound(authorized.price, call.content)
    return bounded.ok ? { ok: true, authorized, bound: bounded.bound } : bounded
  }
}

/** By which key and price, and how much. */
interface HoldToTake {
  readonly authorized: AuthorizedCall
  readonly bound: Bound
}
