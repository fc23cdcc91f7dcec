import type { Counted } from '../../../events/counted.ts'
import type { Mode } from '../../../events/event.ts'
import type { TerminatedBy } from '../../ledger/append/call-commands.ts'

/** What a call was charged. Positions are printed, times are ISO 8601 in UTC. */
export interface Charge extends Counted {
  readonly requestId: string
  readonly status: 'held' | 'settled' | 'released' | 'expired'
  readonly accountId: string
  readonly keyId: string
  readonly mode: Mode
  readonly endpoint: string
  /** The upper bound that was held. */
  readonly heldCredits: number
  /** What was charged; 0 unless settled. */
  readonly credits: number
  readonly refunded: number
  /** Hash of the tariff that priced the call. */
  readonly tariff: string
  readonly heldAt: string
  /** null unless settled */
  readonly settledAt: string | null
  /**
   * What became of the response of a settled call: `sent`; `pending` while it may still leave its gateway, or the gateway has
   * yet to say that it did; `replayed` under its Idempotency-Key; `cut` before its end, as `terminatedBy` says; `unknown` where
   * its gateway withheld it, or was fenced before it said that it had left. Absent where nothing is known of the gateway, as
   * after a restore.
   */
  readonly delivery?: 'sent' | 'pending' | 'replayed' | 'cut' | 'unknown'
  /** When the hold was settled, released or expired; null while it is open. */
  readonly resolvedAt: string | null
  /** The call ran on a lease: it was held and settled at once, at its end. */
  readonly onLease?: true
  readonly positions: {
    /** Of a call on a lease, the position of the lease. */
    readonly held: string
    readonly extended?: readonly string[]
    readonly settled?: string
    readonly released?: string
    readonly expired?: string
    readonly refunded?: readonly string[]
  }
  /** Why a released call was not charged. */
  readonly reason?: string
  /** Credits that a settled call cost beyond its hold. Nobody pays them. */
  readonly shortfall?: number
  /**
   * Why the response of a settled call ended early: the client left, the upstream broke off, the hold could not grow,
   * or its gateway did not settle it in time.
   */
  readonly terminatedBy?: TerminatedBy
}
