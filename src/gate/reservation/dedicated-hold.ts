/** A hold that was taken for one call. */
import type { Appender } from '../../ledger/append/appender.ts'
import type { AppendResult, ReleaseReason } from '../../ledger/append/call-commands.ts'
import type { Refusal } from '../../problems/refusal.ts'
import type { Outcome } from '../outcome.ts'
import { holdSeconds } from './hold-time.ts'
import type { CountedCall } from './lease-manager.ts'
import {
  type CallToReserve,
  type Charge,
  ChargeRejected,
  callRef,
  capCharge,
  type Reservation,
  type Terms,
  type Usage,
} from './reservation.ts'
import type { ReserveDeps } from './reserve-deps.ts'

export class DedicatedHold implements Reservation {
  terms: Terms
  protected readonly deps: ReserveDeps
  protected readonly call: CallToReserve
  protected expiresAtMs: number
  private readonly appender: Appender
  /** A call that could have run on a lease is counted until its end. */
  private readonly counted: CountedCall | undefined

  constructor(deps: ReserveDeps, call: CallToReserve, terms: Terms, counted?: CountedCall) {
    this.deps = deps
    this.call = call
    this.terms = terms
    this.counted = counted
    this.appender = deps.appenderOf(terms.key.shard)
    this.expiresAtMs = call.startedAtMs + holdSeconds(deps.config, call.route, terms.price) * 1_000
  }

  get isAlive(): boolean {
    return performance.now() < this.expiresAtMs
  }

  /** It covers its upper bound from the start, and does not grow. */
  async ensure(_quantity: number, _extra?: number): Promise<Refusal | undefined> {
    return undefined
  }

  /** It covers the whole call: whoever expires it charges nothing. */
  async beforeSending(_quantity: number): Promise<Refusal | undefined> {
    return undefined
  }

  cappedCharge(quantity: number): Charge {
    return capCharge(this.terms, quantity)
  }

  async charge(usage: Usage): Promise<AppendResult> {
    const ref = callRef(this.call, this.terms)
    const result = await this.appender.append({ kind: 'settle', ...ref, ...usage })
    if (result.verdict !== 'ok') throw new ChargeRejected(result.verdict)
    return result
  }

  async void(reason: ReleaseReason, status?: number): Promise<AppendResult | undefined> {
    try {
      const result = await this.appender.append({
        kind: 'release',
        ...callRef(this.call, this.terms),
        reason,
        ...(status === undefined ? {} : { status }),
      })
      return result.verdict === 'ok' ? result : undefined
    } catch {
      return undefined
    }
  }

  async convertToDedicatedHold(): Promise<Outcome<{ readonly reservation: Reservation }>> {
    return { ok: true, reservation: this }
  }

  /** It is long enough for its call from the start: nothing has to keep it alive. */
  onLost(_listener: (refusal: Refusal) => void): void {}

  end(): void {
    if (this.counted) this.deps.leases.returnSlot(this.counted)
  }
}
