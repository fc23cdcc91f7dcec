/**
 * What the ledger decides about a call that wants a hold: the rules of the gate and of the append, in their order. They
 * are written a second time here, so that the append can be checked against the log.
 */
import { maxAmount } from '../../../events/bounds.ts'
import { subtractSums } from '../../lib/sums.ts'
import { allowanceEnd, allowanceOfMonth } from '../../pricing/allowance-of-month.ts'
import type { Micros } from '../log-reader/micros.ts'
import type { StateAsOf } from './read-state-as-of.ts'

type VerdictAsOf =
  | 'ok'
  | 'free'
  | 'key_unknown'
  | 'key_revoked'
  | 'key_disabled'
  | 'key_expired'
  | 'account_frozen'
  | 'endpoint_not_allowed'
  | 'price_missing'
  | 'amount_out_of_range'
  | 'concurrency_exceeded'
  | 'key_cap_reached'
  | 'insufficient_credits'
  | 'budget_exceeded'

interface CallAsOf {
  /** The upper bound of its price, which it holds; undefined where the tariff has no price for the route. */
  readonly credits: number | undefined
  /** The permission that plan and key must both give. Without it, none is checked. */
  readonly permission?: string | undefined
  /** Microseconds since 1970. */
  readonly now: number
  /** Whether the call had a lease slot. Then it needs no slot of the account's concurrency limit. */
  readonly onLease: boolean
}

export interface DecisionAsOf {
  readonly verdict: VerdictAsOf
  /** What a hold can draw, with the allowance and overage that are due, less the account's debt. */
  readonly available: number
  /** The month's allowance that the next accepted hold grants, and how much of it repays a debt. */
  readonly allowanceDue: number
  readonly repaid: number
  /** The month's overage that the next accepted hold grants; 0 while more is owed than the allowance that is due repays. */
  readonly overageDue: number
  readonly maxInFlight: number
  /** What the key's cap leaves; null without a cap. */
  readonly capLeft: number | null
  /** What the budget leaves that leaves the least; null without a budget. */
  readonly budgetLeft: number | null
  /** The budget that refuses the call, for longest where several do: its name. null: none does. */
  readonly budget: string | null
  /** What is held of which lot, where the verdict is ok. The lot null is the allowance that is due, 'overage' the overage. */
  readonly draws: readonly { readonly lot: number | null | 'overage'; readonly credits: number }[]
}

export function decideAsOf(had: StateAsOf, call: CallAsOf): DecisionAsOf {
  const { key, credits } = had
  const plan = planOf(had)
  const allowanceDue = Math.max(allowanceOf(had, call.now) - credits.allowanceGranted, 0)
  const repaid = Math.min(credits.debt, allowanceDue)
  const state = credits.debt > repaid ? withoutOverage(had) : had
  const overageDue = credits.debt > repaid ? 0 : overageOf(had)
  const free = state.credits.lots.reduce((sum, lot) => sum + lot.free, 0)
  const cap = key?.monthlyCap ?? null
  const available = Math.max(free + allowanceDue + overageDue - credits.debt, 0)
  const maxInFlight = state.account.maxInFlight ?? plan?.maxInFlight ?? 0
  const capLeft = cap === null ? null : Math.max(Number(subtractSums(cap, credits.capUsed)), 0)
  const limits = state.budgets.filter(({ warnsOnly }) => !warnsOnly)
  const budgetLeft = limits.length === 0 ? null : Math.min(...limits.map(({ left }) => left))
  const budget = exceededBudget(limits, call.credits ?? 0)?.name ?? null
  const verdict = verdictOf(state, call, { available, maxInFlight, capLeft, budgetLeft })
  const draws =
    verdict === 'ok'
      ? drawsOf(state, { allowance: allowanceDue - repaid, overage: overageDue }, call)
      : []
  return {
    ...{ verdict, available, allowanceDue, repaid, overageDue },
    ...{ maxInFlight, capLeft, budgetLeft, budget, draws },
  }
}

/** One that never has so much, or else the one whose span ends last. */
function exceededBudget(limits: StateAsOf['budgets'], credits: number) {
  const never = (of: { readonly credits: number }) => Number(of.credits < credits)
  return limits
    .filter(({ left }) => left < credits)
    .toSorted(
      (a, b) =>
        never(b) - never(a) ||
        Date.parse(b.endsAt) - Date.parse(a.endsAt) ||
        (a.name < b.name ? -1 : 1),
    )[0]
}

function verdictOf(
  state: StateAsOf,
  call: CallAsOf,
  {
    available,
    maxInFlight,
    capLeft,
    budgetLeft,
  }: Pick<DecisionAsOf, 'available' | 'maxInFlight' | 'capLeft' | 'budgetLeft'>,
): VerdictAsOf {
  const { key, account } = state
  if (!key) return 'key_unknown'
  if (key.revoked) return 'key_revoked'
  if (!key.enabled) return 'key_disabled'
  if (key.expiresAt !== null && Date.parse(key.expiresAt) * 1_000 <= call.now) return 'key_expired'
  if (account.frozen || account.erased) return 'account_frozen'
  if (call.permission !== undefined && !isPermitted(state, call.permission)) {
    return 'endpoint_not_allowed'
  }
  if (call.credits === undefined) return 'price_missing'
  if (call.credits === 0) return 'free'
  if (call.credits > maxAmount) return 'amount_out_of_range'
  if (!call.onLease && state.credits.openHolds >= maxInFlight) return 'concurrency_exceeded'
  if (capLeft !== null && call.credits > capLeft) return 'key_cap_reached'
  if (budgetLeft !== null && call.credits > budgetLeft) return 'budget_exceeded'
  return call.credits > available ? 'insufficient_credits' : 'ok'
}

function isPermitted(state: StateAsOf, permission: string): boolean {
  const plan = planOf(state)
  const byPlan = plan && (plan.endpoints === 'all' || plan.endpoints.includes(permission))
  return Boolean(byPlan) && (!state.key?.endpoints || state.key.endpoints.includes(permission))
}

/** Nothing is drawn on overage while credits are owed. */
function withoutOverage(state: StateAsOf): StateAsOf {
  const lots = state.credits.lots.filter(({ kind }) => kind !== 'overage')
  return { ...state, credits: { ...state.credits, lots } }
}

/** What the plan gives for overage, where the month has had none: a lot of it is good for its month. */
function overageOf(state: StateAsOf): number {
  const isGranted = state.credits.lots.some(({ kind }) => kind === 'overage')
  return isGranted ? 0 : (planOf(state)?.overage?.max ?? 0)
}

/** What the plan gives for the month. */
function allowanceOf(state: StateAsOf, now: Micros): number {
  const plan = planOf(state)
  const { takenAt = 0 } = state.account.plan ?? {}
  return plan ? allowanceOfMonth(plan, { takenAt, now: now / 1_000 }) : 0
}

function planOf({ account, tariff }: StateAsOf) {
  return account.plan && tariff?.plans[account.plan.name]
}

/** Allowances are drawn first, the one that is due after those that expire no later; then the other lots in draw order, and overage last. */
function drawsOf(
  state: StateAsOf,
  due: { readonly allowance: number; readonly overage: number },
  { credits = 0, now }: CallAsOf,
) {
  const { lots } = state.credits
  const end = allowanceEnd(planOf(state)?.rollover, now / 1_000)
  const isBefore = ({ kind, expiresAt }: (typeof lots)[number]) =>
    kind === 'allowance' && Date.parse(expiresAt ?? '') <= end
  const before = lots.filter(isBefore)
  const others = lots.filter((lot) => !isBefore(lot))
  const inOrder = [
    ...before,
    { lot: null, free: due.allowance },
    ...others,
    { lot: 'overage' as const, free: due.overage },
  ]
  let left = credits
  return inOrder
    .map(({ lot, free }) => {
      const drawn = Math.min(free, left)
      left -= drawn
      return { lot, credits: drawn }
    })
    .filter((draw) => draw.credits > 0)
}
