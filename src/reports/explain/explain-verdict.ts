/** What the ledger decided about a call, or would have decided, derived again from the log. */
import type { Counted } from '../../../events/counted.ts'
import { type LogPosition, printPosition } from '../../../events/event.ts'
import type { Sql } from '../../ledger/connect.ts'
import type { Sum } from '../../lib/sums.ts'
import { priceForPlan, pricingPlan } from '../../pricing/plan-prices.ts'
import { exactCredits, mostCredits } from '../../pricing/price-arithmetic.ts'
import type { PriceRule } from '../../pricing/price-rule.ts'
import { tieredComponent } from '../../pricing/tiered-part.ts'
import { findKeyOwner } from '../log-reader/find-account.ts'
import { readLogEndAsOf } from '../log-reader/log-end.ts'
import { printTime } from '../log-reader/micros.ts'
import { type DecisionAsOf, decideAsOf } from './decide-as-of.ts'
import type { Moment } from './moment.ts'
import { readStateAsOf, type StateAsOf } from './read-state-as-of.ts'
import { readVolumeAsOf } from './read-volume-as-of.ts'

/** Positions are printed, times are ISO 8601 in UTC. */
export interface Explanation {
  /** The position of the last event that the decision takes into account, and the time of the decision. */
  readonly position: string
  readonly time: string
  readonly keyId: string
  readonly call: {
    readonly route: string
    /** The plan that prices it, where it has prices of its own. */
    readonly plan?: string
    /** What the call counts; null where the question was about credits. */
    readonly counted: Counted | null
    /** The route's rule in the tariff that was in force; null where it had none. */
    readonly rule: PriceRule | null
    /** What the call had to hold; null without a rule, and where it does not say what that counts. */
    readonly credits: number | null
  }
  readonly state: StateAsOf
  readonly decision: DecisionAsOf
}

interface Call {
  readonly keyId: string
  readonly route: string
  /** What it counts; or the credits themselves, where only they are known. */
  readonly counted: Counted | { readonly credits: number }
  /** The permission that plan and key must both give. Without it, none is checked. */
  readonly permission?: string | undefined
}

export interface VerdictQuery extends Call {
  /** The position at which the log ended, or a time. */
  readonly at: LogPosition | Date
  /** A time at which the log still ended at that position; the position's own time unless given. */
  readonly time?: Date
}

/**
 * Explains what the ledger decided, or would have decided then, about a call that wants a hold for a quantity, or for credits. Rate
 * limits and IP addresses are not in the log, so they are not checked.
 * @returns undefined when the ledger does not have the key; 'not_reached' when the log does not reach that far
 */
export async function explainVerdict(
  sql: Sql,
  query: VerdictQuery,
): Promise<Explanation | 'not_reached' | undefined> {
  const { keyId, time } = query
  const owner = await findKeyOwner(sql, keyId)
  if (!owner) return undefined
  const { shard } = owner
  const end = await readLogEndAsOf(sql, shard, query.at)
  if (!end) return 'not_reached'
  const now = time ? Math.max(time.getTime() * 1_000, end.recordedAt) : end.now
  const at = { shard, position: end.position, now }
  const state = afterLapse(await readStateAsOf(sql, { ...owner, keyId }, at))
  const counted = await withVolume(sql, state, query, { ...owner, ...at })
  return explainDecision(state, { ...query, counted }, at)
}

/** Before a call is decided, what does not roll over lapses. */
function afterLapse(state: StateAsOf): StateAsOf {
  const lots = state.credits.lots.map(({ free, lapsing, ...lot }) => ({
    ...{ ...lot, free: free - lapsing, lapsing: 0 },
  }))
  return { ...state, credits: { ...state.credits, lots } }
}

/** What the call counts, with the month's volume at that time where its price has tiers. */
async function withVolume(
  sql: Sql,
  state: StateAsOf,
  { route, counted }: Call,
  at: Omit<Parameters<typeof readVolumeAsOf>[1], 'endpoint' | 'component'>,
): Promise<Call['counted']> {
  const rule = ruleAsOf(state, route)
  const tiered = rule && tieredComponent(rule)
  if (tiered === undefined || 'credits' in counted) return counted
  const of = { ...at, endpoint: route, component: tiered.name }
  return { ...counted, volume: await readVolumeAsOf(sql, of) }
}

function ruleAsOf({ tariff, account }: StateAsOf, route: string): PriceRule | undefined {
  return tariff && priceForPlan(tariff, route, pricingPlan(tariff, account.plan?.name))
}

/** @param onLease whether the call ran on a lease, so that its slot was taken already, and it was charged at once */
export function explainDecision(
  state: StateAsOf,
  { keyId, route, counted, permission }: Call,
  at: Moment,
  onLease = false,
): Explanation {
  const plan = state.tariff && pricingPlan(state.tariff, state.account.plan?.name)
  const rule = ruleAsOf(state, route) ?? null
  const priceOf = onLease ? exactCredits : mostCredits
  const price = rule && ('credits' in counted ? counted.credits : numberOf(priceOf(rule, counted)))
  return {
    position: printPosition(at),
    time: printTime(at.now),
    keyId,
    call: {
      ...{ route, counted: 'credits' in counted ? null : counted, rule, credits: price },
      ...(plan !== undefined && { plan }),
    },
    state,
    decision: decideAsOf(state, { credits: price ?? undefined, permission, now: at.now, onLease }),
  }
}

function numberOf(credits: Sum | undefined): number | null {
  return credits === undefined ? null : Number(credits)
}
