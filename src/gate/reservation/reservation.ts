/**
 * What covers a priced call with credits, from before it is forwarded to its end. There are three kinds: a dedicated
 * hold, which is taken for this call; a slot of the key's lease, which needs nothing of the ledger until the call ends;
 * and a growing hold, which is extended while the response is sent. Whoever delivers a response knows only this
 * interface.
 */
import { maxAmount } from '../../../events/bounds.ts'
import type { Counted } from '../../../events/counted.ts'
import type { Route } from '../../config/config.ts'
import type {
  AppendResult,
  Claim,
  ReleaseReason,
  TerminatedBy,
  Verdict,
} from '../../ledger/append/call-commands.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import { coveredPart, credits, creditsUpTo } from '../../pricing/price-arithmetic.ts'
import type { RequestContent } from '../../pricing/price-kind.ts'
import type { PriceRule } from '../../pricing/price-rule.ts'
import { tieredComponent } from '../../pricing/tiered-part.ts'
import type { Refusal } from '../../problems/refusal.ts'
import type { Outcome } from '../outcome.ts'

export interface Reservation {
  /** The terms it was granted by, and what it covers now. */
  readonly terms: Terms
  /** Whether it is certain that no gateway has expired it. */
  readonly isAlive: boolean
  /**
   * Waits until it covers what is used, where it can grow. Returns why it cannot.
   * @param extra what more to reserve where it has to be extended; a step of the price by default
   */
  ensure(used: Counted, extra?: number): Promise<Refusal | undefined>
  /**
   * Called before the client is sent more of what is sold: `used` is all that it then has. Where the reservation
   * grows, this waits until the ledger knows of what was sent, but for one step. Returns why it cannot.
   */
  beforeSending(used: Counted): Promise<Refusal | undefined>
  /** What is charged for what was used: at most what is covered. */
  cappedCharge(used: Counted): Charge
  /**
   * Charges the call. The charge is durable when this resolves, and nothing may be delivered whole before.
   * @throws ChargeRejected or LeaseChargeRejected when the ledger does not charge it so: nothing is written
   * @throws LedgerUnavailable when the ledger does not say: the charge may be written
   */
  charge(usage: Usage): Promise<AppendResult>
  /**
   * Ends the call uncharged. undefined when the ledger cannot be reached: then its hold stays open until it expires,
   * which frees it too. Does nothing where the outcome of a charge is unknown and there is no hold to be freed.
   */
  void(reason: ReleaseReason, status?: number): Promise<AppendResult | undefined>
  /**
   * A reservation that covers this call alone, decided by the key and its price as they are now. A hold is one already.
   * A lease slot is over when this succeeds.
   * @throws LedgerUnavailable
   */
  convertToDedicatedHold(): Promise<Outcome<{ readonly reservation: Reservation }>>
  /** Keeps it alive until the call is over, however long that takes. */
  keepAlive(): void
  /** Calls the listener when it has to be kept alive and cannot be. */
  onLost(listener: (refusal: Refusal) => void): void
  /** The call is over, and its charge or release is appended or given up. May be called again. */
  end(): void
}

/** A call that asks for a reservation. */
export interface CallToReserve {
  /** Made when the call is covered, from the ledger's time. */
  requestId: string
  readonly request: Request
  readonly route: Route
  /** On the monotonic clock. */
  readonly startedAtMs: number
  /** Its Idempotency-Key. */
  readonly claim: Claim | undefined
  /** What its price counts before the call. */
  readonly content: RequestContent
  /** It can take longer than a lease lives, because its body is still arriving. */
  readonly isReceiving?: boolean
  /** What it can cost is known when its audio has been read. */
  readonly isUnmeasured?: boolean
}

/** With the most that it covers. */
export interface Terms extends Counted {
  readonly keyHash: string
  readonly key: KeyRecord
  readonly price: PriceRule
  readonly tariff: string
  /** The plan that prices it, where the plan has prices of its own. */
  readonly plan: string | undefined
  readonly credits: number
  readonly claim: Claim | undefined
  /** The ledger's result for the hold or lease. */
  readonly result: AppendResult
}

/** With what was counted for it. */
export interface Charge extends Counted {
  readonly credits: number
  /** Credits of what was used and is not covered. */
  readonly shortfall?: number
}

export interface Usage extends Charge {
  /** The status of the upstream's response. */
  readonly status: number
  /** What ended the response before its end. */
  readonly terminatedBy?: TerminatedBy
  /** What is charged has left the gateway, but for a last part at most. */
  readonly alreadyDelivered?: true
}

/** The ledger does not settle the hold. `hold_not_open`: it has expired meanwhile. */
export class ChargeRejected extends Error {
  override readonly name: string = 'ChargeRejected'
  readonly verdict: Verdict

  constructor(verdict: Verdict) {
    super(verdict)
    this.verdict = verdict
  }
}

/**
 * The ledger does not charge the call on its lease: the key, its price or its credits are not what they were, or the
 * lease is gone. A dedicated hold decides anew whether the call is sold.
 */
export class LeaseChargeRejected extends ChargeRejected {
  override readonly name = 'LeaseChargeRejected'
}

/** The charge for what was used, of which no more than the terms say is covered. What more it costs is a shortfall. */
export function capCharge(terms: Counted & Pick<Terms, 'price'>, used: Counted): Charge {
  const { price } = terms
  const charged = coveredPart(price, used, terms)
  const cost = credits(price, charged)
  if (charged === used) return { ...used, credits: cost }
  const shortfall = creditsUpTo(price, used, maxAmount) - cost
  return { ...charged, credits: cost, ...(shortfall > 0 && { shortfall }) }
}

/** What a command says of the price's tiers; undefined: it has none. */
export function tiersOf(price: PriceRule): { readonly component: string | undefined } | undefined {
  const found = tieredComponent(price)
  return found && { component: found.name }
}

/** What every command that ends a call says of it. */
export function callRef(
  { requestId, route, startedAtMs }: CallToReserve,
  { key: { accountId, keyId, mode }, tariff, plan, price }: Terms,
) {
  return {
    requestId,
    accountId,
    keyId,
    mode,
    endpoint: route.id,
    tariff,
    plan,
    tiered: tiersOf(price),
    actor: `key:${keyId}`,
    latencyMs: Math.round(performance.now() - startedAtMs),
  }
}
