/**
 * A hold that grows with its response. Nothing is sent that it does not cover. It is extended before it is used up, so
 * that nobody waits for the ledger, and it is kept alive while the call lasts.
 *
 * Each extension says what was sent so far, and whoever expires the hold charges that. So no more than one step is sent
 * beyond what the ledger knows of.
 *
 * Once the ledger has refused to extend it, what is held is all there is. A ledger that cannot be reached is asked
 * again when the response cannot go on without an extension.
 */
import { maxAmount } from '../../../events/bounds.ts'
import { type Counted, countedOf } from '../../../events/counted.ts'
import { LedgerUnavailable } from '../../ledger/unavailable.ts'
import { withQuantity } from '../../pricing/counting.ts'
import {
  coveredPart,
  creditsUpTo,
  quantityAsHeld,
  quantityFor,
  quantityToCover,
} from '../../pricing/price-arithmetic.ts'
import type { MeteredComponent } from '../../pricing/price-rule.ts'
import type { Refusal } from '../../problems/refusal.ts'
import { DedicatedHold } from './dedicated-hold.ts'
import { extendHold } from './extend-hold.ts'
import type { CountedCall } from './lease-manager.ts'
import { type CallToReserve, type Charge, capCharge, type Terms } from './reservation.ts'
import type { ReserveDeps } from './reserve-deps.ts'

export class GrowingHold extends DedicatedHold {
  /** How much is held at a time. */
  private readonly step: number
  private readonly growTimer: ReturnType<typeof setInterval>
  /** What the client was sent. */
  private sent: Counted | undefined
  /** How much of what is metered covers that, and how much covers what of it the ledger knows of. */
  private sentQuantity = 0
  private sentAsRecorded = 0
  /** One extension at a time. */
  private extension: Promise<void> | undefined
  /** Why the ledger extends it no more. */
  private refusal: Refusal | undefined

  constructor(
    deps: ReserveDeps,
    call: CallToReserve,
    terms: Terms,
    metered: MeteredComponent,
    counted?: CountedCall,
  ) {
    super(deps, call, terms, counted)
    this.step = metered.hold.step
    // The first hold is for the request and one step.
    this.sentAsRecorded = Math.max(terms.quantity - this.step, 0)
    this.growTimer = setInterval(() => this.growByNothing(), this.lifetimeMs / 3)
  }

  /** Extends it before the quantity reaches what is held; waits only where it exceeds that. */
  override async ensure(used: Counted, extra: number = this.step): Promise<Refusal | undefined> {
    const quantity = quantityToCover(this.terms.price, this.terms, used)
    if (!this.refusal && quantity + extra / 2 > this.terms.quantity) {
      this.grow(quantity + extra).catch((error) =>
        this.deps.log('a hold is not extended early', error),
      )
    }
    while (quantity > this.terms.quantity || !this.isAlive) {
      if (this.refusal) return this.refusal
      const unreached = await this.tryToGrow(quantity + extra)
      if (unreached) return unreached
    }
    return undefined
  }

  override async beforeSending(used: Counted): Promise<Refusal | undefined> {
    const quantity = quantityToCover(this.terms.price, this.terms, used)
    // One part can be more than a step. It may go when the ledger knows of all that was sent before it.
    while (quantity - this.sentAsRecorded > this.step && this.sentAsRecorded < this.sentQuantity) {
      const isUnderWay = this.extension !== undefined
      const unreached = await this.tryToGrow(this.terms.quantity)
      if (unreached) return unreached
      // One that was under way may have been refused for credits that nothing needs yet.
      if (this.refusal && !isUnderWay) return this.refusal
    }
    this.sent = used
    this.sentQuantity = quantity
    return undefined
  }

  /** It is kept alive from the start, because it can be shorter than its upstream's time. */
  override keepAlive(): void {}

  override end(): void {
    clearInterval(this.growTimer)
    super.end()
  }

  /** The same as `grow`, but a ledger that cannot be reached is a refusal. */
  private async tryToGrow(quantity: number): Promise<Refusal | undefined> {
    try {
      await this.grow(quantity)
      return undefined
    } catch (error) {
      if (!(error instanceof LedgerUnavailable)) throw error
      return unreachable
    }
  }

  /** Extends the hold to this quantity, or as far as there are credits. Where the ledger refuses, `refusal` says why. */
  private grow(quantity: number): Promise<void> {
    this.extension ??= this.extendBy(Math.max(quantity - this.terms.quantity, 0))
      .then((refusal) => {
        this.refusal = refusal
      })
      .finally(() => {
        this.extension = undefined
      })
    return this.extension
  }

  private async extendBy(quantity: number): Promise<Refusal | undefined> {
    const askedAtMs = performance.now()
    const { sent, sentQuantity } = this
    const grown = this.withQuantity(this.terms.quantity + quantity)
    const credits = creditsUpTo(this.terms.price, grown, maxAmount + 1)
    const outcome = await extendHold(
      this.deps,
      this.call,
      this.terms,
      { ...grown, credits },
      sent && this.chargeOfSent(sent),
    )
    if (outcome.ok) {
      this.terms = outcome.terms
      this.sentAsRecorded = Math.max(sentQuantity, this.sentAsRecorded)
      this.expiresAtMs = askedAtMs + this.lifetimeMs
      return undefined
    }
    // What is left buys less than a step, but may buy something.
    const { available = 0 } = outcome.refusal.extensions ?? {}
    const { terms } = this
    const affordable = quantityFor(terms.price, terms, terms.credits + available) - terms.quantity
    const buysSome = affordable > 0 && affordable < quantity
    return buysSome ? this.extendBy(affordable) : outcome.refusal
  }

  /** An extension says in one number how much was sent: so much of what is held costs what was sent. */
  private chargeOfSent(sent: Counted): Charge {
    const { price } = this.terms
    const charged = coveredPart(price, sent, this.terms)
    return capCharge(this.terms, this.withQuantity(quantityAsHeld(price, this.terms, charged)))
  }

  private withQuantity(quantity: number): Counted {
    const { price, ...covered } = this.terms
    return withQuantity(price, countedOf(covered), quantity)
  }

  private growByNothing(): void {
    // An extension that is under way lets it live longer, too.
    if (this.extension) return
    this.grow(this.terms.quantity).then(
      () => this.refusal && this.lost(this.refusal),
      (error) => this.deps.log('a hold is not kept alive; it is tried again', error),
    )
  }
}

const unreachable: Refusal = {
  code: 'ledger_unavailable',
  detail: 'The ledger cannot be reached, so nothing more can be sold just now.',
}
