/** What the console reads of responses of the API, beyond what the portal does. */
import type { Account, Prices, Receipt } from '../shared/types.ts'

export interface AuditedEvent {
  readonly position: string
  readonly type: string
  readonly summary: string
  readonly recordedAt: string
  readonly accountId: string | null
  readonly keyId: string | null
  readonly requestId: string | null
  readonly credits: number | null
  readonly lots: readonly string[] | null
  readonly held: readonly number[] | null
  readonly moved: readonly number[] | null
  readonly actor: string
  readonly instance?: string
  readonly reason?: string
}

export interface EventPage {
  readonly events: readonly AuditedEvent[]
  readonly nextCursor: string | null
}

export interface ListedAccount {
  readonly accountId: string
  readonly owner: { readonly kind: string; readonly id: string }
  readonly name: string | null
  readonly plan: string
  readonly state: 'open' | 'frozen' | 'erased'
  readonly keys: number
  readonly creditsUsed: number | string
  readonly openedAt: string
}

export interface AccountPage {
  readonly accounts: readonly ListedAccount[]
  readonly total: number
  readonly nextCursor: string | null
}

export interface NotePage {
  readonly notes: readonly {
    readonly position: string
    readonly writtenAt: string
    readonly actor: string
    /** null: erased. */
    readonly text: string | null
  }[]
  readonly nextCursor: string | null
}

/** An account as operators see it. */
export interface AuditedAccount extends Account {
  readonly owner: { readonly kind: string; readonly id: string }
  readonly erased: boolean
  readonly maxInFlight: number
}

export interface HourlyUsage {
  readonly steps: readonly string[]
  readonly series: readonly {
    readonly outcome: string
    readonly reason: string
    readonly calls: readonly (number | string)[]
  }[]
  readonly credits: readonly (number | string)[]
  readonly p50: readonly (number | null)[]
  readonly p99: readonly (number | null)[]
}

export interface RefusedKey {
  readonly accountId: string
  readonly keyId: string
  readonly reason: string
  readonly calls: number | string
  readonly lastAt: string
}

export interface Health {
  readonly readAt: string
  readonly shards: readonly {
    readonly shard: number
    readonly position: number
    readonly recordedAt: string
    readonly divergence: string | null
  }[]
  readonly gateways: readonly {
    readonly instance: string
    readonly shard: number
    readonly appendedAt: string
    readonly fencedAt: string | null
  }[]
  readonly projections: readonly {
    readonly projection: string
    readonly events: number
    readonly seconds: number
  }[]
}

export interface OperatorKey {
  readonly id: string
  readonly name: string
  readonly role: string
  readonly display: string
  readonly state: 'active' | 'expired' | 'revoked'
  readonly expiresAt: string
  readonly previousUntil: string | null
  readonly revokedAt: string | null
  readonly version: number
}

export interface AdminPrices extends Prices {
  readonly changes: readonly {
    readonly from: string
    readonly changes: readonly PriceChange[]
  }[]
}

export interface PriceChange {
  readonly path: string
  readonly before: unknown
  readonly after: unknown
}

/** A tariff beside the one in force. */
export interface PriceDiff {
  readonly hash: string
  readonly inForce: string | null
  readonly changes: readonly PriceChange[]
  readonly dropped: readonly string[]
  readonly announcedFrom: string | null
}

/** As the API takes it: `{plans, prices}`, and `credits` and `packs` where there are some. */
export type DraftTariff = Readonly<Record<string, unknown>>

export interface Compared {
  readonly credits: { readonly actual: number | string; readonly simulated: number | string }
  readonly fees: readonly {
    readonly currency: string
    readonly actual: number | string
    readonly simulated: number | string
  }[]
}

export interface Simulation {
  readonly from: string
  readonly final: boolean
  readonly totals: Compared
  readonly owners: readonly (Compared & { readonly accountId: string; readonly owner: string })[]
  readonly ownerCount: number
  readonly unpriced: readonly { readonly endpoint: string; readonly calls: number | string }[]
}

export interface AuditedCall {
  readonly call: Receipt & { readonly accountId: string; readonly mode?: string }
  readonly price: { readonly words: string; readonly plan: string | null } | null
  readonly events: readonly AuditedEvent[]
}
