import type { AccountProfile, Owner } from '../../../events/account.ts'
import type { Mode } from '../../../events/event.ts'
import type { Sum } from '../../lib/sums.ts'
import type { Charges } from './charge-lines.ts'
import type { LapseLine, LotLine, Movements } from './lot-movements.ts'
import type { OverageLine } from './overage-lines.ts'
import type { MonthFee, PlanPeriod } from './plan-periods.ts'

/**
 * A statement. Times are ISO 8601 in UTC whatever the zone, positions are printed as `shard-position`, credits are
 * whole numbers; a sum of them beyond 2^53 is its decimal text.
 */
export interface Statement {
  readonly accountId: string
  /** The key whose calls it covers; null: the whole account. */
  readonly keyId: string | null
  readonly mode: Mode
  /** `YYYY-MM` */
  readonly month: string
  /** `YYYY-MM-DD`; absent from a month's statement. */
  readonly day?: string
  /** The IANA name of the zone whose months and days are meant. */
  readonly timeZone: string
  readonly from: string
  /** The period's end, or the ledger's time while it runs. */
  readonly until: string
  /** Where the log ended, and at what time; absent from a statement as of now. */
  readonly asOf?: { readonly position: string; readonly time: string }
  /** No later event can change it. */
  readonly final: boolean
  /** Position of the account's last event that was looked at. */
  readonly through: string | null
  readonly charges: Charges
  /** Credits given back in the month, for calls of whichever month. */
  readonly refunds: readonly RefundLine[]
  /** Holds of the month that are open. */
  readonly held: readonly HeldLine[]
  /** Absent from a key's statement. */
  readonly account?: AccountPart
}

/** Who sells and who buys, as both are said to be now. They are printed beside a statement's figures, which are of the log alone. */
export interface Parties {
  /** Absent: the configuration does not say. */
  readonly seller?: { readonly name: string; readonly address: readonly string[] }
  /** Absent: nobody has described the account, or it was erased. */
  readonly buyer?: AccountProfile
}

export interface AccountPart {
  readonly owner: Owner | null
  readonly plans: readonly PlanPeriod[]
  /** The fee of the month's most expensive plan; null without a plan, in test mode, and in a day's statement. */
  readonly fee: MonthFee | null
  /** What is billed of overage lots beside the fee; nothing in test mode, and in a day's statement. */
  readonly overage: readonly OverageLine[]
  readonly totals: Movements
  readonly lots: readonly LotLine[]
  /** Of what the period opened with, what is left of earlier months' allowances and did not lapse as more than rolls over. */
  readonly rolledOver: Sum
  readonly grants: readonly GrantLine[]
  readonly adjustments: readonly AdjustmentLine[]
  readonly lapses: readonly LapseLine[]
  /** Credits that adjustments could not take, and how many of them later lots repaid. */
  readonly debt: {
    readonly opening: Sum
    readonly recorded: Sum
    readonly repaid: Sum
    readonly closing: Sum
    readonly lines: readonly DebtLine[]
  }
}

export interface RefundLine {
  readonly position: string
  readonly time: string
  readonly requestId: string
  readonly keyId: string
  readonly endpoint: string
  readonly credits: number
  readonly externalId?: string
}

export interface HeldLine {
  readonly position: string
  readonly time: string
  readonly requestId: string
  readonly keyId: string
  /** null: the hold is a lease. */
  readonly endpoint: string | null
  readonly credits: number
}

export interface GrantLine {
  /** It names the lot. */
  readonly position: string
  readonly time: string
  readonly kind: string
  readonly credits: number
  readonly startsAt: string
  readonly expiresAt: string | null
  readonly externalId?: string
  readonly paid?: { readonly minorUnits: number; readonly currency: string }
}

export interface AdjustmentLine {
  readonly position: string
  readonly time: string
  readonly credits: number
  readonly externalId?: string
  /** It repaid a debt out of a new lot. */
  readonly repaysDebt?: true
}

export interface DebtLine {
  readonly position: string
  readonly time: string
  readonly credits: number
  readonly externalId?: string
}
