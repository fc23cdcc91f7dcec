/** What may happen to an account, decided from what it is: no clock, no database. */
import type { Owner } from '../../events/account.ts'
import type { Plan } from '../../events/tariffs.ts'
import type { Plans } from '../ledger/read/read-accounts.ts'
import { type Decision, refused } from './decision.ts'

/** A plan and its start, ISO 8601. */
export interface PlanStart {
  readonly plan: string
  readonly from: string
}

export interface AccountState {
  /** Every plan that was decided on, in the order of the decisions; see `planAt`. */
  readonly schedule: readonly PlanStart[]
  /** The account's own limits; null: as its plan. */
  readonly rateLimit: number | null
  readonly maxInFlight: number | null
  readonly frozen: boolean
  readonly erased: boolean
}

/** `at` is the ledger's time, ISO 8601; `plans` those of the tariff in force. */
export type AccountCommand =
  | {
      readonly type: 'open'
      readonly at: string
      readonly owner: Owner
      readonly plan: string
      readonly plans: Plans
    }
  | {
      readonly type: 'change-plan'
      readonly at: string
      readonly plan: string
      readonly plans: Plans
    }
  | {
      readonly type: 'change-limits'
      readonly rateLimit?: number | null
      readonly maxInFlight?: number | null
    }
  | { readonly type: 'freeze' }
  | { readonly type: 'unfreeze' }
  | { readonly type: 'erase' }

export type AccountEvent =
  | { readonly type: 'AccountOpened'; readonly payload: { readonly owner: Owner } }
  | {
      readonly type: 'PlanStarted'
      readonly payload: { readonly plan: string; readonly from: string; readonly fee: Plan['fee'] }
    }
  | {
      readonly type: 'PlanEnded'
      readonly payload: { readonly plan: string; readonly at: string }
    }
  | {
      readonly type: 'AccountLimitsChanged'
      readonly payload: Pick<AccountState, 'rateLimit' | 'maxInFlight'>
    }
  | {
      readonly type: 'AccountFrozen' | 'AccountUnfrozen' | 'AccountErased'
      readonly payload: Record<string, never>
    }

/** undefined: not opened yet. */
export type MaybeAccount = AccountState | undefined

export function decideAccount(
  state: MaybeAccount,
  command: AccountCommand,
): Decision<AccountEvent> {
  if (command.type === 'open') return open(state, command)
  if (!state) return refused('account_unknown')
  // Erased already is erased: that is no refusal. Nothing else can be done for it.
  if (command.type === 'erase') {
    return state.erased ? nothing : { facts: [{ type: 'AccountErased', payload: {} }] }
  }
  if (state.erased) return refused('account_erased')
  switch (command.type) {
    case 'change-plan':
      return changePlan(state, command)
    case 'change-limits': {
      const { rateLimit = state.rateLimit, maxInFlight = state.maxInFlight } = command
      const same = rateLimit === state.rateLimit && maxInFlight === state.maxInFlight
      return same
        ? nothing
        : { facts: [{ type: 'AccountLimitsChanged', payload: { rateLimit, maxInFlight } }] }
    }
    case 'freeze':
      return state.frozen ? nothing : { facts: [{ type: 'AccountFrozen', payload: {} }] }
    case 'unfreeze':
      return state.frozen ? { facts: [{ type: 'AccountUnfrozen', payload: {} }] } : nothing
    default:
      return command satisfies never
  }
}

export function evolveAccount(state: MaybeAccount, fact: AccountEvent): MaybeAccount {
  if (fact.type === 'AccountOpened') {
    return { schedule: [], rateLimit: null, maxInFlight: null, frozen: false, erased: false }
  }
  if (!state) return undefined
  switch (fact.type) {
    case 'PlanStarted': {
      const { plan, from } = fact.payload
      return { ...state, schedule: [...state.schedule, { plan, from }] }
    }
    case 'PlanEnded':
      return state
    case 'AccountLimitsChanged':
      return { ...state, ...fact.payload }
    case 'AccountFrozen':
      return { ...state, frozen: true }
    case 'AccountUnfrozen':
      return { ...state, frozen: false }
    case 'AccountErased':
      return { ...state, erased: true }
    default:
      return fact satisfies never
  }
}

/** The plan in force at a time: of those that had started by then, the one decided on last. */
export function planAt(schedule: readonly PlanStart[], time: string): PlanStart | undefined {
  return schedule.findLast(({ from }) => Date.parse(from) <= Date.parse(time))
}

/** The plan that will follow the one in force, where another was decided on. */
export function plannedAfter(schedule: readonly PlanStart[], time: string): PlanStart | undefined {
  const last = schedule.at(-1)
  return last?.plan === planAt(schedule, time)?.plan ? undefined : last
}

export const accountDecider = { decide: decideAccount, evolve: evolveAccount }

const nothing: Decision<never> = { facts: [] }

function open(
  state: MaybeAccount,
  { at, owner, plan, plans }: AccountCommand & { readonly type: 'open' },
): Decision<AccountEvent> {
  if (state) throw new Error('an account that is open was opened')
  const fee = planOf(plans, plan)?.fee
  if (!fee) return refused('no_tariff')
  return {
    facts: [
      { type: 'AccountOpened', payload: { owner } },
      { type: 'PlanStarted', payload: { plan, from: at, fee } },
    ],
  }
}

/**
 * A plan that gives more counts at once, one that gives less from the next month on: what was paid for
 * is kept until then. A decision replaces an earlier one that still lies ahead, so asking for the plan in
 * force takes a planned change back.
 */
function changePlan(
  state: AccountState,
  { at, plan, plans }: AccountCommand & { readonly type: 'change-plan' },
): Decision<AccountEvent> {
  const next = planOf(plans, plan)
  if (!next) {
    return refused('plan_unknown', {
      field: 'plan',
      expected: Object.keys(plans).sort().join(', '),
    })
  }
  const current = planAt(state.schedule, at)?.plan ?? ''
  if (plan !== current && next.grantable === false) return refused('plan_not_grantable')
  const atOnce = plan !== current && givesMore(next, planOf(plans, current))
  const from = atOnce ? at : startOfNextMonth(at)
  const ended = planAt(state.schedule, from)?.plan ?? current
  if (ended === plan) return nothing
  return {
    facts: [
      { type: 'PlanEnded', payload: { plan: ended, at: from } },
      { type: 'PlanStarted', payload: { plan, from, fee: next.fee } },
    ],
  }
}

/** By the month's credits, and between equals by the fee. A plan that is no longer known gives nothing. */
function givesMore(next: Plan, current: Plan | undefined): boolean {
  if (!current || next.credits !== current.credits) return next.credits > (current?.credits ?? -1)
  return next.fee.minorUnits >= current.fee.minorUnits
}

/** Names come from requests, and `constructor` is no plan. */
function planOf(plans: Plans, name: string): Plans[string] | undefined {
  return Object.hasOwn(plans, name) ? plans[name] : undefined
}

function startOfNextMonth(at: string): string {
  const time = new Date(at)
  return new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + 1)).toISOString()
}
