/** Keys and accounts as management shows them: plain data, times as ISO 8601, nothing secret. */
import type { Owner } from '../../events/account.ts'
import type { Mode } from '../../events/event.ts'
import type { KeyPrivate } from '../../events/key.ts'
import { unseal } from '../ledger/private-fields.ts'
import type { AccountRow, Plans } from '../ledger/read/read-accounts.ts'
import type { KeyRow } from '../ledger/read/read-keys.ts'
import { type PlanStart, planAt, plannedAfter } from './decide-account.ts'
import type { KeyLimits } from './decide-key.ts'

export interface KeyView extends KeyPrivate, KeyLimits {
  readonly keyId: string
  readonly accountId: string
  readonly owner: Owner
  readonly mode: Mode
  /** Of the key's stream. */
  readonly version: number
  /** Prefix and last characters. */
  readonly display: string
  readonly enabled: boolean
  readonly revokedAt: string | null
  /** Until when the secret from before the last rotation is good, while it is. */
  readonly previousUntil: string | null
  readonly createdAt: string
  readonly updatedAt: string
  readonly lastUsedAt: string | null
  /** The plan of the key's account, and what the account has where the key narrows nothing. */
  readonly plan: string
  readonly accountRateLimit: number
  readonly planCredits: number
  readonly planEndpoints: 'all' | readonly string[]
  /** Credits charged to this key this UTC month, and when the next month begins. */
  readonly creditsUsed: number
  readonly nextMonth: string
  readonly readAt: string
}

/** What is shown of a document whose account was erased. */
const erased: KeyPrivate = { name: '', description: null, allowedIps: [] }

export function documentOf(row: KeyRow): KeyPrivate {
  return unseal<KeyPrivate>(row.secret, row.accountId, row.private) ?? erased
}

export function keyView(row: KeyRow): KeyView {
  const { name, description, allowedIps, createdBy } = documentOf(row)
  const inGrace = row.previousUntil !== null && row.previousUntil > row.readAt
  return {
    keyId: row.keyId,
    accountId: row.accountId,
    owner: { kind: row.ownerKind, id: row.ownerId },
    mode: row.mode,
    version: row.version,
    display: row.display,
    name,
    description,
    allowedIps,
    ...(createdBy !== undefined && { createdBy }),
    endpoints: row.endpoints,
    rateLimit: row.rateLimit,
    monthlyCap: row.monthlyCap,
    enabled: row.enabled,
    revokedAt: iso(row.revokedAt),
    expiresAt: iso(row.expiresAt),
    previousUntil: inGrace ? iso(row.previousUntil) : null,
    createdAt: iso(row.createdAt),
    updatedAt: iso(row.updatedAt),
    lastUsedAt: iso(row.lastUsedAt),
    plan: row.plan,
    accountRateLimit: row.accountRateLimit ?? row.planRateLimit ?? 0,
    planCredits: row.planCredits ?? 0,
    planEndpoints: row.planEndpoints ?? [],
    creditsUsed: row.creditsUsed,
    nextMonth: iso(row.nextMonth),
    readAt: iso(row.readAt),
  }
}

export interface AccountView {
  readonly accountId: string
  readonly owner: Owner
  readonly version: number
  readonly plan: string
  /** The plan that was decided to follow, and from when. */
  readonly plannedPlan: PlanStart | null
  readonly frozen: boolean
  readonly erased: boolean
  readonly openedAt: string
  /** The account's own limits; null: as the plan. */
  readonly ownLimits: { readonly rateLimit: number | null; readonly maxInFlight: number | null }
  /** What holds: the account's own limits, else its plan's. */
  readonly rateLimit: number
  readonly windowMs: number
  readonly maxInFlight: number
  readonly monthlyCredits: number
  readonly endpoints: 'all' | readonly string[]
  readonly fee: { readonly minorUnits: number; readonly currency: string } | null
}

export function accountView(row: AccountRow, plans: Plans): AccountView {
  const at = iso(row.readAt)
  const name = planAt(row.schedule, at)?.plan ?? ''
  const plan = Object.hasOwn(plans, name) ? plans[name] : undefined
  const planned = plannedAfter(row.schedule, at)
  return {
    accountId: row.accountId,
    owner: { kind: row.ownerKind, id: row.ownerId },
    version: row.version,
    plan: name,
    plannedPlan: planned ? { plan: planned.plan, from: iso(new Date(planned.from)) } : null,
    frozen: row.frozen,
    erased: row.erased,
    openedAt: iso(row.openedAt),
    ownLimits: { rateLimit: row.rateLimit, maxInFlight: row.maxInFlight },
    rateLimit: row.rateLimit ?? plan?.rateLimit ?? 0,
    windowMs: plan?.windowMs ?? 0,
    maxInFlight: row.maxInFlight ?? plan?.maxInFlight ?? 0,
    monthlyCredits: plan?.credits ?? 0,
    endpoints: plan?.endpoints ?? [],
    fee: plan?.fee ?? null,
  }
}

export function iso(time: Date): string
export function iso(time: Date | null): string | null
export function iso(time: Date | null): string | null {
  return time === null ? null : time.toISOString()
}
