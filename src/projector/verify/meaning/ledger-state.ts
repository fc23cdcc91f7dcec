/**
 * What the log has made so far: all that the sale of a call depends on. Rare events are followed by what they mean
 * (follow-events.ts), credits and holds event by event (credit-rules.ts).
 */
import type { Pack, Plan } from '../../../../events/tariffs.ts'
import type { PriceRule } from '../../../pricing/price-rule.ts'
import { type Lot, newPurse, type OpenHold, type Purse } from '../credits/purse.ts'
import { type FollowedBudgets, newFollowedBudgets } from './check-budgets.ts'
import type { Micros } from './rare-events.ts'
import type { KeySubject } from './subject.ts'

export interface PublishedTariff {
  readonly position: number
  readonly hash: string
  readonly from: Micros
  readonly plans: Readonly<Record<string, Plan>>
  readonly prices: Readonly<Record<string, PriceRule>>
  readonly packs?: Readonly<Record<string, Pack>> | undefined
}

interface FollowedOperatorKey {
  hash: string
  expiresAt: Micros
  revoked: boolean
}

interface TakenPlan {
  readonly position: number
  readonly plan: string
  readonly from: Micros
}

export interface FollowedAccount {
  version: number
  frozen: boolean
  erased: boolean
  /** In the order in which they were decided. */
  readonly plans: TakenPlan[]
  readonly keys: FollowedKey[]
  /** The modes in which it has had a trial. */
  readonly trials: Set<string>
  /** How many calls in flight it may have; null: as many as its plan says. */
  maxInFlight: number | null
}

export interface FollowedKey {
  readonly keyId: string
  readonly accountId: string
  readonly mode: string
  /** undefined: it was not open when the key was made. */
  readonly account: FollowedAccount | undefined
  readonly purse: Purse
  version: number
  hash: string
  enabled: boolean
  revoked: boolean
  expiresAt: Micros
  cap: number | null
  /** What counts against its cap, by the beginning of the month. */
  readonly used: Map<Micros, number>
}

/** A plan was taken at a position: its trial follows in the same append. */
interface TrialDue {
  readonly position: number
  readonly recordedAt: Micros
  readonly accountId: string
  readonly mode: string
  readonly trial: { readonly credits: number; readonly days: number }
}

/** What is in force from a time on, as far as is known. */
interface TariffInForce {
  /** How many tariffs had been published. */
  readonly published: number
  readonly tariff: PublishedTariff | undefined
  readonly from: Micros
  readonly until: Micros
}

export interface LedgerState {
  readonly accounts: Map<string, FollowedAccount>
  readonly keys: Map<string, FollowedKey>
  readonly operatorKeys: Map<string, FollowedOperatorKey>
  /** Whose secret it is or was, by its hash. */
  readonly secrets: Map<string, string>
  readonly tariffs: PublishedTariff[]
  inForce: TariffInForce | undefined
  /** By mode, then by account. */
  readonly purses: Map<string, Map<string, Purse>>
  readonly lots: Map<number, Lot>
  /** Those that are open, by their request ids. */
  readonly holds: Map<string, OpenHold>
  /** By the numbers that the log's reader gives the ids of keys. */
  readonly subjects: (KeySubject | undefined)[]
  readonly budgets: FollowedBudgets
  /** Trials that plans which were just taken have yet to give. */
  trialsDue: TrialDue[]
  /** Where a producer was fenced, by its instance. */
  readonly fenced: Map<string, number>
  /** What was charged by tiers, by account, mode, endpoint, component and month. */
  readonly volumes: Map<string, number>
}

export function newLedgerState(): LedgerState {
  return {
    ...{ accounts: new Map(), keys: new Map(), operatorKeys: new Map() },
    ...{ secrets: new Map(), tariffs: [] },
    ...{ inForce: undefined, purses: new Map(), lots: new Map(), holds: new Map() },
    subjects: [],
    ...{ budgets: newFollowedBudgets(), trialsDue: [], fenced: new Map(), volumes: new Map() },
  }
}

export function purseOf(
  { purses }: LedgerState,
  accountId: string | null,
  mode: string | null,
): Purse {
  let ofMode = purses.get(mode ?? '')
  if (!ofMode) {
    ofMode = new Map()
    purses.set(mode ?? '', ofMode)
  }
  let purse = ofMode.get(accountId ?? '')
  if (!purse) {
    purse = newPurse()
    ofMode.set(accountId ?? '', purse)
  }
  return purse
}

/** The tariff in force has the latest beginning by then; of several, it is the last published. */
export function tariffAt(state: LedgerState, time: Micros): PublishedTariff | undefined {
  const { tariffs } = state
  let { inForce } = state
  if (inForce?.published !== tariffs.length || time < inForce.from || time >= inForce.until) {
    let tariff: PublishedTariff | undefined
    let until = Number.POSITIVE_INFINITY
    for (const each of tariffs) {
      if (each.from > time) until = Math.min(until, each.from)
      else if (!tariff || each.from >= tariff.from) tariff = each
    }
    const from = tariff?.from ?? Number.NEGATIVE_INFINITY
    inForce = { published: tariffs.length, tariff, from, until }
    state.inForce = inForce
  }
  return inForce.tariff
}

/**
 * The plan in force at a time: the last that was decided, of those that had begun.
 * @param before only of those that were decided before this position
 */
export function planAt(
  account: FollowedAccount | undefined,
  time: Micros,
  before = Number.POSITIVE_INFINITY,
): TakenPlan | undefined {
  const plans = account?.plans
  if (!plans) return undefined
  for (let i = plans.length - 1; i >= 0; i--) {
    const plan = plans[i] as TakenPlan
    if (plan.from <= time && plan.position < before) return plan
  }
  return undefined
}
