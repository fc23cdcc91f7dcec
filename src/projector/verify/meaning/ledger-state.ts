/** What the rare events of a log have made so far: all that the sale of a call depends on but its credits. */
import type { Pack, Plan } from '../../../../events/tariffs.ts'
import type { PriceRule } from '../../../pricing/price-rule.ts'
import { type FollowedBudgets, newFollowedBudgets } from './check-budgets.ts'
import type { Micros } from './rare-events.ts'

export interface PublishedTariff {
  readonly position: number
  readonly hash: string
  readonly from: Micros
  readonly plans: Readonly<Record<string, Plan>>
  readonly prices: Readonly<Record<string, PriceRule>>
  readonly packs?: Readonly<Record<string, Pack>> | undefined
}

interface FollowedAccount {
  version: number
  frozen: boolean
  erased: boolean
  /** In the order in which they were decided. */
  readonly plans: { readonly position: number; readonly plan: string; readonly from: Micros }[]
  readonly keys: FollowedKey[]
  /** The modes in which it has had a trial. */
  readonly trials: Set<string>
}

export interface FollowedKey {
  readonly keyId: string
  readonly accountId: string
  readonly mode: string
  version: number
  hash: string
  enabled: boolean
  revoked: boolean
  /** As the payload has it; null: never. */
  expiresAt: string | null
}

interface Lot {
  readonly lot: number
  readonly accountId: string
  readonly mode: string
  readonly startsAt: string
  /** null: never. */
  readonly expiresAt: string | null
}

/** A plan was taken at a position: its trial follows in the same append. */
interface TrialDue {
  readonly position: number
  readonly recordedAt: Micros
  readonly accountId: string
  readonly mode: string
  readonly trial: { readonly credits: number; readonly days: number }
}

/** An account's credits in one mode. */
export interface Purse {
  debt: number
  allowanceMonth: Micros
  allowanceGranted: number
  /** A lot was granted while credits were owed, at that position: so many of it repay them next. */
  repayment: { readonly position: number; readonly credits: number } | undefined
}

export interface LedgerState {
  readonly accounts: Map<string, FollowedAccount>
  readonly keys: Map<string, FollowedKey>
  /** Whose secret it is or was, by its hash. */
  readonly secrets: Map<string, string>
  readonly tariffs: PublishedTariff[]
  readonly purses: Map<string, Purse>
  readonly budgets: FollowedBudgets
  readonly lots: Map<number, Lot>
  /** Trials that plans which were just taken have yet to give. */
  trialsDue: TrialDue[]
  /** Where a producer was fenced, by its instance. */
  readonly fenced: Map<string, number>
  /** What was charged by tiers, by account, mode, endpoint, component and month. */
  readonly volumes: Map<string, number>
}

export function newLedgerState(): LedgerState {
  return {
    ...{ accounts: new Map(), keys: new Map(), secrets: new Map(), tariffs: [], purses: new Map() },
    trialsDue: [],
    budgets: newFollowedBudgets(),
    ...{ lots: new Map(), fenced: new Map(), volumes: new Map() },
  }
}

export function purseOf(state: LedgerState, name: string): Purse {
  const purse = state.purses.get(name) ?? newPurse()
  state.purses.set(name, purse)
  return purse
}

/** The tariff in force at a time, of those that were published by then. */
export function tariffAt(state: LedgerState, time: Micros): PublishedTariff | undefined {
  let found: PublishedTariff | undefined
  for (const tariff of state.tariffs) {
    if (tariff.from <= time && (!found || tariff.from >= found.from)) found = tariff
  }
  return found
}

/** The plan in force at an event: the last that was decided before it, of those that had begun. */
export function planAt(
  state: LedgerState,
  accountId: string,
  { position, recordedAt }: { readonly position: number; readonly recordedAt: Micros },
): string | undefined {
  const plans = state.accounts.get(accountId)?.plans ?? []
  return plans.findLast((plan) => plan.position < position && plan.from <= recordedAt)?.plan
}

function newPurse(): Purse {
  return { debt: 0, allowanceMonth: 0, allowanceGranted: 0, repayment: undefined }
}
