/** The shape of a statement. */
import type { Owner } from '../../../events/account.ts'
import type { Mode } from '../../../events/event.ts'
import type { Charges } from './charge-lines.ts'
import type { LapseLine, LotLine, Movements } from './lot-movements.ts'
import type { MonthFee, PlanPeriod } from './plan-periods.ts'

/** Times are ISO 8601 in UTC whatever the zone, positions are printed as `shard-position`, credits are whole. */
export interface Statement {
  readonly accountId: string
  /** The key whose calls it covers; null: the account's. */
  readonly keyId: string | null
  readonly mode: Mode
  /** `YYYY-MM` */
  readonly month: string
  /** `YYYY-MM-DD`, of a day's statement only. */
  readonly day?: string
  /** The IANA name of the zone in which months and days begin and end. */
  readonly timeZone: string
  readonly from: string
  /** The period's end, or the ledger's time while it runs. */
  readonly until: string
  /** Where the log ended, and what time it was, for a statement as of then; absent from one as of now. */
  readonly asOf?: { readonly position: string; readonly time: string }
  /** Nothing appended from now on can change it. */
  readonly final: boolean
  /** The last event of the account that was looked at. */
  readonly through: string | null
  readonly charges: Charges
  /** Credits given back in the month, for calls of whichever month. */
  readonly refunds: readonly RefundLine[]
  /** Holds of the month that are open. */
  readonly held: readonly HeldLine[]
  /** Absent from a key's statement. */
  readonly account?: AccountPart
}

export interface AccountPart {
  readonly owner: Owner | null
  readonly plans: readonly PlanPeriod[]
  /** The fee of the dearest plan held in the month; null without a plan, in test mode, and of a day. */
  readonly fee: MonthFee | null
  readonly totals: Movements
  readonly lots: readonly LotLine[]
  readonly grants: readonly GrantLine[]
  readonly adjustments: readonly AdjustmentLine[]
  readonly lapses: readonly LapseLine[]
  /** What adjustments could not take, and what later lots repaid of it. */
  readonly debt: {
    readonly opening: number
    readonly recorded: number
    readonly repaid: number
    readonly closing: number
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
  /** null: a lease. */
  readonly endpoint: string | null
  readonly credits: number
}

export interface GrantLine {
  /** The lot. */
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
