/** What a key and its account are after some of their events: each is folded from its stream. */
import type { Budget, KeyBudget } from '../../../events/budget.ts'
import type { TypeWith } from '../../../events/catalogue.ts'
import type { Micros } from '../log-reader/micros.ts'

export interface KeyAsOf {
  readonly version: number
  readonly display: string
  readonly enabled: boolean
  readonly revoked: boolean
  readonly expiresAt: string | null
  readonly endpoints: readonly string[] | null
  readonly monthlyCap: number | null
  readonly budgets: readonly KeyBudget[]
  readonly group: string | null
  /** The position of the key's last event. */
  readonly position: number
}

export interface AccountAsOf {
  readonly accountId: string
  readonly version: number
  readonly frozen: boolean
  readonly erased: boolean
  readonly maxInFlight: number | null
  /** `takenAt`: milliseconds since 1970. */
  readonly plan:
    | { readonly name: string; readonly position: number; readonly takenAt: number }
    | undefined
  readonly budgets: readonly Budget[]
}

/** An event of a key's or an account's stream. */
export interface StreamChange {
  readonly position: number
  readonly type: string
  readonly version: number
  /** null: the event is about the account itself. */
  readonly keyId: string | null
  // biome-ignore lint/suspicious/noExplicitAny: payloads are read by type
  readonly payload: any
}

/** The key after its events; undefined where there are none. */
export function keyAsOf(changes: readonly StreamChange[]): KeyAsOf | undefined {
  return changes.reduce<KeyAsOf | undefined>(evolveKey, undefined)
}

function evolveKey(key: KeyAsOf | undefined, change: StreamChange): KeyAsOf {
  const { position, version, payload } = change
  const before = key ?? {
    ...{ display: '', enabled: true, revoked: false },
    ...{ expiresAt: null, endpoints: null, monthlyCap: null, budgets: [], group: null },
  }
  const type = change.type as TypeWith<{ stream: 'key' }>
  switch (type) {
    case 'KeyIssued':
    case 'KeyImported':
    case 'KeyUpdated':
    case 'KeyLimitsChanged':
    case 'KeyRotated': {
      // An event carries the fields that it changes, and null is a value.
      const { display, enabled, expiresAt, endpoints, monthlyCap } = { ...before, ...payload }
      return { ...before, position, version, display, enabled, expiresAt, endpoints, monthlyCap }
    }
    case 'KeyBudgetsChanged':
    case 'KeyGrouped': {
      const { budgets, group } = { ...before, ...payload }
      return { ...before, position, version, budgets, group }
    }
    case 'KeyEnabled':
      return { ...before, position, version, enabled: true }
    case 'KeyDisabled':
      return { ...before, position, version, enabled: false }
    case 'KeyRevoked':
      return { ...before, position, version, revoked: true }
    default: {
      // A type of a later program: what this one knows stays as it was.
      void (type satisfies never)
      return { ...before, position, version }
    }
  }
}

/** The account after its own events. @param now decides which plan has started */
export function accountAsOf(
  accountId: string,
  changes: readonly StreamChange[],
  now: Micros,
): AccountAsOf {
  const opened: AccountAsOf = {
    ...{ accountId, version: 0, frozen: false, erased: false, maxInFlight: null },
    budgets: [],
    plan: undefined,
  }
  return changes.reduce((account, change) => evolveAccount(account, change, now), opened)
}

function evolveAccount(before: AccountAsOf, change: StreamChange, now: Micros): AccountAsOf {
  const { payload, position, version } = change
  const account = { ...before, version }
  const type = change.type as TypeWith<{ stream: 'account' }>
  switch (type) {
    case 'AccountOpened':
    case 'PlanEnded':
    case 'AccountDescribed':
    case 'AccountNoted':
      return account
    case 'PlanStarted':
      if (Date.parse(payload.from) * 1_000 > now) return account
      return {
        ...account,
        plan: { name: payload.plan, position, takenAt: Date.parse(payload.from) },
      }
    case 'AccountLimitsChanged':
      return { ...account, maxInFlight: payload.maxInFlight ?? null }
    case 'AccountBudgetsChanged':
      return { ...account, budgets: payload.budgets }
    case 'AccountFrozen':
      return { ...account, frozen: true }
    case 'AccountUnfrozen':
      return { ...account, frozen: false }
    case 'AccountErased':
      return { ...account, erased: true }
    default: {
      void (type satisfies never)
      return account
    }
  }
}
