/**
 * What the ledger answers a call that asks for a hold, by the rules that the gate and the append go by, in
 * their order. Written again here, from what is promised: the log must suffice to check the append.
 */
import type { StateAsOf } from './state-as-of.ts'

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
  | 'concurrency_exceeded'
  | 'key_cap_reached'
  | 'insufficient_credits'

interface CallAsOf {
  /** The upper bound to be held; undefined: the tariff has no price for the route. */
  readonly credits: number | undefined
  /** What plan and key must give; undefined: not looked at. */
  readonly permission?: string | undefined
  /** Microseconds since 1970. */
  readonly now: number
  /** The call had its place in flight already. */
  readonly onLease?: boolean | undefined
}

export interface DecisionAsOf {
  readonly verdict: VerdictAsOf
  /** What a hold could draw, the allowance that was due among it. */
  readonly available: number
  /** The month's allowance that the first accepted hold would bring, and what of it goes to a debt. */
  readonly allowanceDue: number
  readonly repaid: number
  /** Calls in flight at most. */
  readonly maxInFlight: number
  /** What the key's cap leaves; null without a cap. */
  readonly capLeft: number | null
  /** What is held of which lot, where the verdict is ok; the lot null is the allowance that is due. */
  readonly draws: readonly { readonly lot: number | null; readonly credits: number }[]
}

export function decideAsOf(then: StateAsOf, asked: CallAsOf): DecisionAsOf {
  const { key, account, tariff, credits } = then
  const plan = account.plan && tariff?.plans[account.plan.name]
  const allowanceDue = Math.max((plan?.credits ?? 0) - credits.allowanceGranted, 0)
  const repaid = Math.min(credits.debt, allowanceDue)
  const free = credits.lots.reduce((sum, lot) => sum + lot.free, 0)
  const available = free + allowanceDue - repaid
  const maxInFlight = account.maxInFlight ?? plan?.maxInFlight ?? 0
  const cap = key?.monthlyCap ?? null
  const capLeft = cap === null ? null : Math.max(cap - credits.capUsed, 0)
  const verdict = verdictOf()
  const draws = verdict === 'ok' ? drawsOf(then, allowanceDue - repaid, asked.credits ?? 0) : []
  return { verdict, available, allowanceDue, repaid, maxInFlight, capLeft, draws }

  function verdictOf(): VerdictAsOf {
    if (!key) return 'key_unknown'
    if (key.revoked) return 'key_revoked'
    if (!key.enabled) return 'key_disabled'
    if (key.expiresAt !== null && Date.parse(key.expiresAt) * 1_000 <= asked.now)
      return 'key_expired'
    if (account.frozen || account.erased) return 'account_frozen'
    if (asked.permission !== undefined && !gives(asked.permission)) return 'endpoint_not_allowed'
    if (asked.credits === undefined) return 'price_missing'
    if (asked.credits === 0) return 'free'
    if (!asked.onLease && credits.openHolds >= maxInFlight) return 'concurrency_exceeded'
    if (capLeft !== null && asked.credits > capLeft) return 'key_cap_reached'
    return asked.credits > available ? 'insufficient_credits' : 'ok'
  }

  function gives(permission: string): boolean {
    const byPlan = plan && (plan.endpoints === 'all' || plan.endpoints.includes(permission))
    return Boolean(byPlan) && (!key?.endpoints || key.endpoints.includes(permission))
  }
}

/** Allowances first, the one that is due after those that were granted; the rest in its order. */
function drawsOf(then: StateAsOf, due: number, credits: number) {
  const { lots } = then.credits
  const allowances = lots.filter(({ kind }) => kind === 'allowance')
  const others = lots.filter(({ kind }) => kind !== 'allowance')
  const inOrder = [...allowances, { lot: null, free: due }, ...others]
  let left = credits
  return inOrder
    .map(({ lot, free }) => {
      const drawn = Math.min(free, left)
      left -= drawn
      return { lot, credits: drawn }
    })
    .filter((draw) => draw.credits > 0)
}
