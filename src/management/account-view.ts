/** Accounts as management returns them: plain data without secrets. */

import type { AccountProfile, Owner } from '../../events/account.ts'
import type { Budget } from '../../events/budget.ts'
import type { AccountRow, Plans } from '../ledger/read/read-accounts.ts'
import { type CountedLimit, limitsOfPlan } from '../lib/rate-limits.ts'
import { type PlanStart, planAt, plannedAfter } from './decide-account.ts'
import { isoTime } from './iso-time.ts'

/** Times are ISO 8601 in UTC. */
export interface AccountView {
  readonly accountId: string
  readonly owner: Owner
  /** Who the owner is, as far as somebody has said. */
  readonly profile: AccountProfile
  readonly version: number
  readonly plan: string
  /** The plan that will follow, and its start; null where no other plan was decided. */
  readonly plannedPlan: PlanStart | null
  readonly frozen: boolean
  readonly erased: boolean
  readonly openedAt: string
  /** The account's own limits; null: as the plan. */
  readonly ownLimits: { readonly rateLimit: number | null; readonly maxInFlight: number | null }
  /** The limits in force: the account's own, or its plan's. Of several rate limits, the first. */
  readonly rateLimit: number
  readonly windowMs: number
  /** All of them. */
  readonly rateLimits: readonly Pick<CountedLimit, 'counts' | 'limit' | 'windowMs'>[]
  readonly maxInFlight: number
  readonly budgets: readonly Budget[]
  readonly monthlyCredits: number
  readonly endpoints: 'all' | readonly string[]
  readonly fee: { readonly minorUnits: number; readonly currency: string } | null
}

/** @param plans those of the tariff in force */
export function toAccountView(row: AccountRow, plans: Plans): AccountView {
  const at = isoTime(row.readAt)
  const name = planAt(row.schedule, at)?.plan ?? ''
  const plan = Object.hasOwn(plans, name) ? plans[name] : undefined
  const planned = plannedAfter(row.schedule, at)
  const rateLimits = limitsOfPlan(plan).map(({ counts, limit, windowMs }, index) => ({
    ...{ counts, limit: index === 0 ? (row.rateLimit ?? limit) : limit, windowMs },
  }))
  return {
    accountId: row.accountId,
    owner: { kind: row.ownerKind, id: row.ownerId },
    profile: row.profile,
    version: row.version,
    plan: name,
    plannedPlan: planned ? { plan: planned.plan, from: isoTime(new Date(planned.from)) } : null,
    frozen: row.frozen,
    erased: row.erased,
    openedAt: isoTime(row.openedAt),
    ownLimits: { rateLimit: row.rateLimit, maxInFlight: row.maxInFlight },
    rateLimit: rateLimits[0]?.limit ?? row.rateLimit ?? 0,
    windowMs: rateLimits[0]?.windowMs ?? 0,
    rateLimits,
    maxInFlight: row.maxInFlight ?? plan?.maxInFlight ?? 0,
    budgets: row.budgets,
    monthlyCredits: plan?.credits ?? 0,
    endpoints: plan?.endpoints ?? [],
    fee: plan?.fee ?? null,
  }
}
