/**
 * What a command does to an account, decided from the account's state alone: no clock, no database. A command
 * that would change nothing has no events.
 */

import { isDeepStrictEqual } from 'node:util'
import type { AccountNote, AccountProfile, Owner } from '../../events/account.ts'
import type { Budget } from '../../events/budget.ts'
import type { Plan } from '../../events/tariffs.ts'
import { noProfile } from '../ledger/account-profile.ts'
import type { Plans } from '../ledger/read/read-accounts.ts'
import { type BudgetChange, checkBudgets, withBudget } from './change-budgets.ts'
import { type Decision, isRefused, refused } from './decision.ts'

/** A plan and its start, ISO 8601. */
export interface PlanStart {
  readonly plan: string
  readonly from: string
}

export interface AccountState {
  /** Every plan start, in the order in which they were decided; see `planAt`. */
  readonly schedule: readonly PlanStart[]
  /** The account's own limits; null: as its plan. */
  readonly rateLimit: number | null
  readonly maxInFlight: number | null
  readonly frozen: boolean
  readonly erased: boolean
  readonly budgets: readonly Budget[]
  readonly profile: AccountProfile
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
  /** All budgets, in place of those before. */
  | { readonly type: 'change-budgets'; readonly budgets: readonly Budget[] }
  /** One budget. No credits: it is taken away. */
  | { readonly type: 'set-budget'; readonly budget: BudgetChange }
  /** What is absent stays as it is. */
  | { readonly type: 'describe'; readonly profile: Partial<AccountProfile> }
  | { readonly type: 'note'; readonly text: string }
  | { readonly type: 'freeze' }
  | { readonly type: 'unfreeze' }
  | { readonly type: 'erase' }

export type AccountEvent =
  | { readonly type: 'AccountOpened'; readonly payload: { readonly owner: Owner } }
  | {
      readonly type: 'PlanStarted'
      readonly payload: {
        readonly plan: string
        readonly from: string
        readonly fee: Plan['fee']
        readonly firstMonth?: 'prorated'
      }
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
      readonly type: 'AccountBudgetsChanged'
      readonly payload: { readonly budgets: readonly Budget[] }
    }
  /** Documents are encrypted before they are recorded. */
  | {
      readonly type: 'AccountDescribed'
      readonly payload: Record<string, never>
      readonly document: AccountProfile
    }
  | {
      readonly type: 'AccountNoted'
      readonly payload: Record<string, never>
      readonly document: AccountNote
    }
  | {
      readonly type: 'AccountFrozen' | 'AccountUnfrozen' | 'AccountErased'
      readonly payload: Record<string, never>
    }

/** undefined: the account is not open yet. */
type MaybeAccount = AccountState | undefined

export function decideAccount(
  state: MaybeAccount,
  command: AccountCommand,
): Decision<AccountEvent> {
  if (command.type === 'open') return open(state, command)
  if (!state) return refused('account_unknown')
  // Erasing an erased account changes nothing and is no refusal; every other command is refused.
  if (command.type === 'erase') {
    return state.erased ? nothing : { events: [{ type: 'AccountErased', payload: {} }] }
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
        : { events: [{ type: 'AccountLimitsChanged', payload: { rateLimit, maxInFlight } }] }
    }
    case 'change-budgets':
      return changeBudgets(state, command.budgets)
    case 'set-budget':
      return changeBudgets(state, withBudget(state.budgets, command.budget))
    case 'describe': {
      const document = { ...state.profile, ...command.profile }
      return isDeepStrictEqual(document, state.profile)
        ? nothing
        : { events: [{ type: 'AccountDescribed', payload: {}, document }] }
    }
    // The same text again is another note.
    case 'note':
      return { events: [{ type: 'AccountNoted', payload: {}, document: { text: command.text } }] }
    case 'freeze':
      return state.frozen ? nothing : { events: [{ type: 'AccountFrozen', payload: {} }] }
    case 'unfreeze':
      return state.frozen ? { events: [{ type: 'AccountUnfrozen', payload: {} }] } : nothing
    default:
      return command satisfies never
  }
}

export function evolveAccount(state: MaybeAccount, event: AccountEvent): MaybeAccount {
  if (event.type === 'AccountOpened') {
    return {
      ...{ schedule: [], rateLimit: null, maxInFlight: null, frozen: false, erased: false },
      budgets: [],
      profile: noProfile,
    }
  }
  if (!state) return undefined
  switch (event.type) {
    case 'PlanStarted': {
      const { plan, from } = event.payload
      return { ...state, schedule: [...state.schedule, { plan, from }] }
    }
    case 'PlanEnded':
    case 'AccountNoted':
      return state
    case 'AccountLimitsChanged':
    case 'AccountBudgetsChanged':
      return { ...state, ...event.payload }
    case 'AccountDescribed':
      return { ...state, profile: event.document }
    case 'AccountFrozen':
      return { ...state, frozen: true }
    case 'AccountUnfrozen':
      return { ...state, frozen: false }
    case 'AccountErased':
      return { ...state, erased: true }
    default:
      return event satisfies never
  }
}

/** The plan in force at a time: of the plans that had started by then, the one that was decided last. */
export function planAt(schedule: readonly PlanStart[], time: string): PlanStart | undefined {
  return schedule.findLast(({ from }) => Date.parse(from) <= Date.parse(time))
}

/** The plan that will follow the one in force; undefined where no other was decided. */
export function plannedAfter(schedule: readonly PlanStart[], time: string): PlanStart | undefined {
  const last = schedule.at(-1)
  return last?.plan === planAt(schedule, time)?.plan ? undefined : last
}

export const accountDecider = { decide: decideAccount, evolve: evolveAccount }

const nothing: Decision<never> = { events: [] }

function open(
  state: MaybeAccount,
  { at, owner, plan, plans }: AccountCommand & { readonly type: 'open' },
): Decision<AccountEvent> {
  if (state) throw new Error('the account is open already')
  const taken = planOf(plans, plan)
  if (!taken) return refused('no_tariff')
  return {
    events: [{ type: 'AccountOpened', payload: { owner } }, planStarted(plan, at, taken)],
  }
}

/**
 * A plan that gives more starts at once. One that gives less starts with the next month, because the account has
 * paid for this one. A decision replaces an earlier one that has not started yet, so a change to the plan in force
 * takes a planned change back.
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
    events: [
      { type: 'PlanEnded', payload: { plan: ended, at: from } },
      planStarted(plan, from, next),
    ],
  }
}

function planStarted(plan: string, from: string, { fee, firstMonth }: Plan): AccountEvent {
  const terms = firstMonth === 'prorated' ? { firstMonth } : {}
  return { type: 'PlanStarted', payload: { plan, from, fee, ...terms } }
}

function changeBudgets(state: AccountState, budgets: readonly Budget[]): Decision<AccountEvent> {
  const checked = checkBudgets(state.budgets, budgets)
  if (isRefused(checked)) return checked
  return checked.isChanged
    ? { events: [{ type: 'AccountBudgetsChanged', payload: { budgets } }] }
    : nothing
}

/**
 * Compares the month's credits, and the fees where these are equal. A plan that the tariff no longer has gives
 * nothing.
 */
function givesMore(next: Plan, current: Plan | undefined): boolean {
  if (!current || next.credits !== current.credits) return next.credits > (current?.credits ?? -1)
  return next.fee.minorUnits >= current.fee.minorUnits
}

/** Looks at own properties only: names come from requests, and `constructor` is no plan. */
function planOf(plans: Plans, name: string): Plans[string] | undefined {
  return Object.hasOwn(plans, name) ? plans[name] : undefined
}

function startOfNextMonth(at: string): string {
  const time = new Date(at)
  return new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + 1)).toISOString()
}
