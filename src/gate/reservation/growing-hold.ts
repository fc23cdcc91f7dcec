/**
 * A hold that grows with its answer: nothing is sent that it does not cover, it is extended before it is
 * used up, so that nobody waits for the ledger, and it is kept alive while the call lasts.
 *
 * Once the ledger has refused to extend it, what is held is all there is. A ledger that cannot be reached is
 * asked again when the answer cannot go on without.
 */

import { LedgerUnavailable } from '../../ledger/append/call-commands.ts'
import { credits, quantityFor } from '../../pricing/price-arithmetic.ts'
import type { MeteredPrice } from '../../pricing/price-rule.ts'
import type { Refusal } from '../../problems/refusal.ts'
import type { Held, Outcome } from '../gate.ts'

export interface GrowingHold {
  readonly price: MeteredPrice
  /** As it is now. */
  readonly held: Held
  /** Whether it is certain that no gateway has expired it. */
  readonly alive: boolean
  /**
   * Waits until the hold covers this quantity, if it must; answers why it cannot.
   * @param ahead what more is asked for when it comes to that; a step unless told
   */
  cover(quantity: number, ahead?: number): Promise<Refusal | undefined>
  /** Called when it cannot be kept alive. */
  whenLost(lost: (refusal: Refusal) => void): void
  /** Keeps it alive no longer. */
  end(): void
}

export interface GrowingHoldOptions {
  readonly price: MeteredPrice
  /** How long the hold lives from its last extension. */
  readonly seconds: number
  /** On the monotonic clock, not after the hold was taken. */
  readonly askedAtMs: number
  readonly extend: (
    held: Held,
    by: { readonly credits: number; readonly quantity: number },
  ) => Promise<Outcome<Held>>
  readonly log: (message: string, error?: unknown) => void
}

const unreachable: Refusal = {
  code: 'ledger_unavailable',
  detail: 'The ledger cannot be reached, so nothing more can be sold just now.',
}

export function growingHold(first: Held, options: GrowingHoldOptions): GrowingHold {
  const { price, seconds, extend, log } = options
  let held = first
  let expiresAtMs = options.askedAtMs + seconds * 1_000
  let asking: Promise<void> | undefined
  let refusal: Refusal | undefined
  let lost: (refusal: Refusal) => void = () => {}
  const keeping = setInterval(keepAlive, (seconds * 1_000) / 3)

  async function cover(
    quantity: number,
    ahead: number = price.hold.step,
  ): Promise<Refusal | undefined> {
    if (!refusal && quantity + ahead / 2 > held.quantity) {
      grow(quantity + ahead).catch((error) => log('a hold is not extended ahead', error))
    }
    while (quantity > held.quantity || !isAlive()) {
      if (refusal) return refusal
      try {
        await grow(quantity + ahead)
      } catch (error) {
        if (!(error instanceof LedgerUnavailable)) throw error
        return unreachable
      }
    }
    return undefined
  }

  /** Extends the hold to this quantity, or as far as there are credits; one extension at a time. */
  function grow(quantity: number): Promise<void> {
    asking ??= ask(Math.max(quantity - held.quantity, 0))
      .then((refused) => {
        refusal = refused
      })
      .finally(() => {
        asking = undefined
      })
    return asking
  }

  async function ask(quantity: number): Promise<Refusal | undefined> {
    const askedAtMs = performance.now()
    const more = credits(price, held.quantity + quantity) - held.credits
    const outcome = await extend(held, { credits: more, quantity })
    if (outcome.ok) {
      held = outcome
      expiresAtMs = askedAtMs + seconds * 1_000
      return undefined
    }
    // What is left buys less than a step, but may buy something.
    const { available = 0 } = outcome.refusal.extensions ?? {}
    const affordable = quantityFor(price, held.credits + available) - held.quantity
    const some = affordable > 0 && affordable < quantity
    return some ? ask(affordable) : outcome.refusal
  }

  function keepAlive(): void {
    // An extension that is under way lets it live longer, too.
    if (asking) return
    grow(held.quantity).then(
      () => refusal && lost(refusal),
      (error) => log('a hold is not kept alive; it is tried again', error),
    )
  }

  const isAlive = () => performance.now() < expiresAtMs

  return {
    price,
    get held() {
      return held
    },
    get alive() {
      return isAlive()
    },
    cover,
    whenLost(then) {
      lost = then
    },
    end: () => clearInterval(keeping),
  }
}
