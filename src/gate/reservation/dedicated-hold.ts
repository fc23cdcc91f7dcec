/** A hold that was taken for one call. */
import { maxAmount } from '../../../events/bounds.ts'
import type { Counted } from '../../../events/counted.ts'
import type { Appender } from '../../ledger/append/appender.ts'
import type { AppendResult, ReleaseReason } from '../../ledger/append/call-commands.ts'
import { covering, isCovered } from '../../pricing/counting.ts'
import { creditsUpTo } from '../../pricing/price-arithmetic.ts'
import type { Refusal } from '../../problems/refusal.ts'
import type { Outcome } from '../outcome.ts'
import { extendHold } from './extend-hold.ts'
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
  protected lost: (refusal: Refusal) => void = () => {}
  private keepAliveTimer: ReturnType<typeof setInterval> | undefined
  private isProlonging = false
  private readonly appender: Appender
  /** A call that could have run on a lease is counted until its end. */
  private readonly counted: CountedCall | undefined

  constructor(deps: ReserveDeps, call: CallToReserve, terms: Terms, counted?: CountedCall) {
    this.deps = deps
    this.call = call
    this.terms = terms
    this.counted = counted
    this.appender = deps.appenderOf(terms.key.shard)
    this.expiresAtMs = call.startedAtMs + this.lifetimeMs
  }

  get isAlive(): boolean {
    return performance.now() < this.expiresAtMs
  }

  /** It covers its upper bound from the start, unless something of the request was counted only afterwards. */
  async ensure(used: Counted, _extra?: number): Promise<Refusal | undefined> {
    const { terms } = this
    if (isCovered(used, terms)) return undefined
    const askedAtMs = performance.now()
    const grown = covering(used, terms)
    const credits = creditsUpTo(terms.price, grown, maxAmount + 1)
    const outcome = await extendHold(this.deps, this.call, terms, { ...grown, credits }, undefined)
    if (!outcome.ok) return outcome.refusal
    this.terms = outcome.terms
    this.expiresAtMs = askedAtMs + this.lifetimeMs
    return undefined
  }

  /** It covers the whole call: whoever expires it charges nothing. */
  async beforeSending(_used: Counted): Promise<Refusal | undefined> {
    return undefined
  }

  cappedCharge(used: Counted): Charge {
    return capCharge(this.terms, used)
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

  /** It is long enough for its upstream's time, but a client can take longer to read the response. */
  keepAlive(): void {
    this.keepAliveTimer ??= setInterval(() => void this.prolong(), this.lifetimeMs / 6)
  }

  onLost(listener: (refusal: Refusal) => void): void {
    this.lost = listener
  }

  end(): void {
    clearInterval(this.keepAliveTimer)
    if (this.counted) this.deps.leases.returnSlot(this.counted)
  }

  /** It lives for so long from its last extension. */
  protected get lifetimeMs(): number {
    return holdSeconds(this.deps.config, this.call.route, this.terms.price) * 1_000
  }

  /** Extends it by nothing once half of its life is over. */
  private async prolong(): Promise<void> {
    const askedAtMs = performance.now()
    if (this.isProlonging || this.expiresAtMs - askedAtMs > this.lifetimeMs / 2) return
    this.isProlonging = true
    try {
      const outcome = await extendHold(this.deps, this.call, this.terms, this.terms, undefined)
      if (!outcome.ok) return this.lost(outcome.refusal)
      this.terms = outcome.terms
      this.expiresAtMs = askedAtMs + this.lifetimeMs
    } catch (error) {
      this.deps.log('a hold is not kept alive; it is tried again', error)
    } finally {
      this.isProlonging = false
    }
  }
}
