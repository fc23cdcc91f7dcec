/** What the portal reads of responses of the API. */
import type { PlanLimits } from '../../lib/rate-limits.ts'

type Sum = number | string

export interface Profile {
  readonly name: string | null
  readonly contact: string | null
  readonly billingAddress: readonly string[]
  readonly taxId: string | null
}

export interface Account {
  readonly accountId: string
  readonly profile: Profile
  readonly version: number
  readonly plan: string
  readonly plannedPlan: { readonly plan: string; readonly from: string } | null
  readonly frozen: boolean
  readonly openedAt: string
  readonly rateLimit: number
  readonly windowMs: number
  readonly monthlyCredits: number
}

export interface Balance {
  readonly available: number
  readonly held: number
  readonly debt: number
  readonly lots: readonly {
    readonly lot: string
    readonly kind: string
    readonly granted: number
    readonly available: number
    readonly startsAt: string
    readonly expiresAt: string | null
  }[]
  readonly allowance: { readonly month: string; readonly due: number }
  readonly overageDue: number
}

interface Kinds {
  readonly days: readonly string[]
  readonly kinds: readonly { readonly kind: string; readonly credits: readonly number[] }[]
}

export interface History extends Kinds {
  readonly chargedPerDay: number | null
  readonly forecast:
    | (Kinds & {
        readonly lastsUntil: string | null
        readonly lapses: readonly {
          readonly at: string
          readonly kind: string
          readonly credits: number
        }[]
      })
    | null
}

export interface Usage {
  readonly steps: readonly string[]
  readonly series: readonly {
    readonly name: string | null
    readonly calls: readonly Sum[]
    readonly failed: readonly Sum[]
    readonly refused: readonly Sum[]
    readonly credits: readonly Sum[]
  }[]
  readonly total: { calls: Sum; failed: Sum; refused: Sum; credits: Sum }
}

export interface Key {
  readonly id: string
  readonly version: number
  readonly keyPrefix: string
  readonly name: string
  readonly rateLimit: number
  readonly monthlyCredits: number
  readonly creditsUsed: Sum
  readonly active: boolean
  readonly mode: string
  readonly expiresAt: string | null
  readonly lastUsedAt: string | null
  readonly createdAt: string
  readonly revokedAt: string | null
}

export interface ListedCharge {
  readonly requestId: string
  readonly keyId: string
  readonly endpoint: string
  readonly credits: number
  readonly refunded: number
  readonly settledAt: string
}

export interface Receipt {
  readonly requestId: string
  readonly status: 'held' | 'settled' | 'released' | 'expired' | 'refused'
  readonly keyId: string
  readonly endpoint: string
  readonly reason?: string
  /** Of a refused call. */
  readonly figures?: Readonly<Record<string, number | string>>
  readonly refusedAt?: string
  /** Of any other. */
  readonly heldCredits?: number
  readonly credits?: number
  readonly refunded?: number
  readonly quantity?: number
  readonly parts?: Readonly<Record<string, number>>
  readonly by?: string
  readonly heldAt?: string
  readonly settledAt?: string | null
  readonly resolvedAt?: string | null
  readonly delivery?: string
  readonly terminatedBy?: string
  readonly positions?: Readonly<Record<string, string | readonly string[]>>
}

export interface Tariff {
  readonly from: string
  readonly notice: string | null
  readonly credits: { readonly name: string; readonly decimals: number } | null
  readonly words: Readonly<Record<string, string>>
  readonly plans: Readonly<
    Record<
      string,
      PlanLimits & {
        readonly credits: number
        readonly fee: { readonly minorUnits: number; readonly currency: string }
      }
    >
  >
}

export interface Prices {
  readonly current?: Tariff
  readonly announced: readonly Tariff[]
  readonly routes: Readonly<
    Record<string, { readonly methods: readonly string[]; readonly path: string }>
  >
}

export interface StatementMonth {
  readonly month: string
  readonly granted: Sum
  readonly charged: Sum
  readonly refunded: Sum
  readonly calls: Sum
}

export interface KeyEvent {
  readonly position: string
  readonly recordedAt: string
  readonly summary: string
}
