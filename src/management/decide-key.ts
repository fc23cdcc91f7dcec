/**
 * What a command does to a key, decided from the key's state alone: no clock, no database. A revoked key refuses
 * every command. A command that would change nothing has no events.
 */
import type { KeyBudget } from '../../events/budget.ts'
import type { KeyPrivate } from '../../events/key.ts'
import { type BudgetChange, checkBudgets, withBudget } from './change-budgets.ts'
import { type Decision, isRefused, refused } from './decision.ts'

/** How a key narrows what its account has; null: not at all. */
export interface KeyLimits {
  /** Permissions that the key may use. */
  readonly endpoints: readonly string[] | null
  /** Calls in a span of its plan's `windowMs`. */
  readonly rateLimit: number | null
  /** Credits in a UTC month. */
  readonly monthlyCap: number | null
  /** ISO 8601 */
  readonly expiresAt: string | null
}

/** A key's secret as the ledger keeps it: as a hash, never as text. */
interface SecretHash {
  /** Hex SHA-256 of the whole key. */
  readonly hash: string
  readonly display: string
}

export interface KeyState extends KeyLimits {
  readonly hash: string
  readonly enabled: boolean
  readonly revoked: boolean
  readonly budgets: readonly KeyBudget[]
  readonly group: string | null
  /** Name, description and addresses. */
  readonly document: KeyPrivate
}

/** What a key's owner may change of it. A field that is absent stays as it is. */
export interface KeyUpdate extends Partial<Pick<KeyLimits, 'endpoints' | 'expiresAt'>> {
  readonly name?: string
  readonly description?: string | null
  readonly allowedIps?: readonly string[]
}

/** `at` is the ledger's time, ISO 8601. */
export type KeyCommand =
  | ({
      readonly type: 'issue'
      readonly at: string
      readonly document: KeyPrivate
    } & SecretHash &
      KeyLimits)
  | ({ readonly type: 'update'; readonly at: string } & KeyUpdate)
  | ({ readonly type: 'change-limits' } & Partial<Pick<KeyLimits, 'rateLimit' | 'monthlyCap'>>)
  /** All budgets of the key's own, in place of those before. */
  | { readonly type: 'change-budgets'; readonly budgets: readonly KeyBudget[] }
  /** One budget. No credits: it is taken away. */
  | { readonly type: 'set-budget'; readonly budget: BudgetChange }
  /** null: it is in none. */
  | { readonly type: 'group'; readonly group: string | null }
  | { readonly type: 'enable' }
  | { readonly type: 'disable' }
  | ({ readonly type: 'rotate'; readonly at: string; readonly graceSeconds: number } & SecretHash)
  | { readonly type: 'revoke' }

export type KeyEvent =
  | {
      readonly type: 'KeyIssued'
      readonly payload: SecretHash & KeyLimits
      readonly document: KeyPrivate
    }
  | {
      readonly type: 'KeyUpdated'
      readonly payload: Partial<Pick<KeyLimits, 'endpoints' | 'expiresAt'>>
      readonly document: KeyPrivate
    }
  | {
      readonly type: 'KeyLimitsChanged'
      readonly payload: Partial<Pick<KeyLimits, 'rateLimit' | 'monthlyCap'>>
    }
  | {
      readonly type: 'KeyRotated'
      readonly payload: SecretHash & {
        readonly previousHash: string | null
        readonly previousUntil: string | null
      }
    }
  | {
      readonly type: 'KeyBudgetsChanged'
      readonly payload: { readonly budgets: readonly KeyBudget[] }
    }
  | { readonly type: 'KeyGrouped'; readonly payload: { readonly group: string | null } }
  | {
      readonly type: 'KeyEnabled' | 'KeyDisabled' | 'KeyRevoked'
      readonly payload: Record<string, never>
    }

/** undefined: there is no such key yet. */
type MaybeKey = KeyState | undefined

export function decideKey(state: MaybeKey, command: KeyCommand): Decision<KeyEvent> {
  if (command.type === 'issue') return issue(state, command)
  if (!state) return refused('key_unknown')
  if (state.revoked) return refused('key_revoked')
  switch (command.type) {
    case 'update':
      return update(state, command)
    case 'change-limits': {
      const payload = changed(state, command, ['rateLimit', 'monthlyCap'])
      return Object.keys(payload).length > 0 ? one({ type: 'KeyLimitsChanged', payload }) : nothing
    }
    case 'change-budgets':
      return changeBudgets(state, command.budgets)
    case 'set-budget':
      return changeBudgets(state, withBudget(state.budgets, command.budget))
    case 'group': {
      const { group } = command
      return group === state.group ? nothing : one({ type: 'KeyGrouped', payload: { group } })
    }
    case 'enable':
      return state.enabled ? nothing : one({ type: 'KeyEnabled', payload: {} })
    case 'disable':
      return state.enabled ? one({ type: 'KeyDisabled', payload: {} }) : nothing
    case 'rotate':
      return one(rotated(state, command))
    case 'revoke':
      return one({ type: 'KeyRevoked', payload: {} })
    default:
      return command satisfies never
  }
}

function evolveKey(state: MaybeKey, event: KeyEvent): MaybeKey {
  if (event.type === 'KeyIssued') {
    const isNew = { enabled: true, revoked: false, budgets: [], group: null }
    return { ...event.payload, document: event.document, ...isNew }
  }
  if (!state) return undefined
  switch (event.type) {
    case 'KeyUpdated':
      return { ...state, ...event.payload, document: event.document }
    case 'KeyLimitsChanged':
    case 'KeyBudgetsChanged':
    case 'KeyGrouped':
      return { ...state, ...event.payload }
    case 'KeyEnabled':
      return { ...state, enabled: true }
    case 'KeyDisabled':
      return { ...state, enabled: false }
    case 'KeyRotated':
      return { ...state, hash: event.payload.hash }
    case 'KeyRevoked':
      return { ...state, revoked: true }
    default:
      return event satisfies never
  }
}

export const keyDecider = { decide: decideKey, evolve: evolveKey }

const nothing: Decision<never> = { events: [] }

function one(event: KeyEvent): Decision<KeyEvent> {
  return { events: [event] }
}

function changeBudgets(state: KeyState, budgets: readonly KeyBudget[]): Decision<KeyEvent> {
  const checked = checkBudgets(state.budgets, budgets)
  if (isRefused(checked)) return checked
  return checked.isChanged ? one({ type: 'KeyBudgetsChanged', payload: { budgets } }) : nothing
}

function issue(
  state: MaybeKey,
  command: KeyCommand & { readonly type: 'issue' },
): Decision<KeyEvent> {
  if (state) throw new Error('another key has this id')
  const { hash, display, document, endpoints, rateLimit, monthlyCap, expiresAt, at } = command
  if (hasPassed(expiresAt, at)) return refused('time_passed', { field: 'expiresAt' })
  const payload = { hash, display, endpoints, rateLimit, monthlyCap, expiresAt }
  return one({ type: 'KeyIssued', payload, document })
}

function update(
  state: KeyState,
  command: KeyCommand & { readonly type: 'update' },
): Decision<KeyEvent> {
  const payload = changed(state, command, ['endpoints', 'expiresAt'])
  const written = changed(state.document, command, ['name', 'description', 'allowedIps'])
  if (hasPassed(payload.expiresAt, command.at)) {
    return refused('time_passed', { field: 'expiresAt' })
  }
  if (Object.keys(payload).length + Object.keys(written).length === 0) return nothing
  return one({ type: 'KeyUpdated', payload, document: { ...state.document, ...written } })
}

function rotated(state: KeyState, command: KeyCommand & { readonly type: 'rotate' }): KeyEvent {
  const { hash, display, graceSeconds, at } = command
  const grace =
    graceSeconds > 0
      ? {
          previousHash: state.hash,
          previousUntil: new Date(Date.parse(at) + graceSeconds * 1_000).toISOString(),
        }
      : { previousHash: null, previousUntil: null }
  return { type: 'KeyRotated', payload: { hash, display, ...grace } }
}

/** The fields of the command that differ from the state's. */
function changed<Field extends string, Fields extends { readonly [F in Field]?: unknown }>(
  state: Fields,
  command: Partial<Fields>,
  fields: readonly Field[],
): Partial<Pick<Fields, Field & keyof Fields>> {
  const differing = fields.filter(
    (field) => command[field] !== undefined && !Bun.deepEquals(command[field], state[field], true),
  )
  return Object.fromEntries(differing.map((field) => [field, command[field]])) as Partial<
    Pick<Fields, Field & keyof Fields>
  >
}

function hasPassed(time: string | null | undefined, at: string): boolean {
  return time != null && Date.parse(time) <= Date.parse(at)
}
