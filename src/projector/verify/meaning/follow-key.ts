/** Keys: made once, of one account and mode, with a secret of their own, and never changed after they were revoked. */
import { keyMakingTypes } from '../../../../events/event-types.ts'
import type { BudgetsOfKey } from './check-budgets.ts'
import { type FollowedKey, type LedgerState, purseOf } from './ledger-state.ts'
import { type Micros, microsOf, type RareEvent } from './rare-events.ts'

const making: ReadonlySet<string> = new Set(keyMakingTypes)

export function followKey(state: LedgerState, event: RareEvent): string[] {
  return making.has(event.type) ? followMaking(state, event) : followChange(state, event)
}

function followMaking(state: LedgerState, event: RareEvent): string[] {
  const { keyId, accountId, mode, payload, streamVersion } = event
  const faults: string[] = []
  if (streamVersion !== 1) faults.push('it is not the first of its stream')
  if (state.keys.has(keyId)) return [...faults, 'its key was made already']
  const account = state.accounts.get(accountId)
  if (!account || account.erased) faults.push('its account was not open')
  const key: FollowedKey = {
    ...{ keyId, accountId, mode, account, purse: purseOf(state, accountId, mode) },
    ...{ version: 1, hash: payload.hash, enabled: payload.enabled ?? true, revoked: false },
    ...{ expiresAt: endOf(payload.expiresAt), cap: payload.monthlyCap ?? null, used: new Map() },
  }
  faults.push(...takeSecret(state, key, payload.hash))
  state.keys.set(keyId, key)
  account?.keys.push(key)
  return faults
}

function followChange(state: LedgerState, event: RareEvent): string[] {
  const { type, keyId, accountId, mode, payload, streamVersion, position } = event
  const key = state.keys.get(keyId)
  if (!key) return ['its key was not made']
  const faults: string[] = []
  if (streamVersion !== key.version + 1) faults.push('it is not the next of its stream')
  if (key.accountId !== accountId || key.mode !== mode) {
    faults.push('its key is of another account or mode')
  }
  if (key.revoked) faults.push('its key was revoked')
  key.version = streamVersion ?? key.version
  if (payload.monthlyCap !== undefined) key.cap = payload.monthlyCap
  switch (type) {
    case 'KeyEnabled':
      if (key.enabled) faults.push('its key was enabled already')
      key.enabled = true
      break
    case 'KeyDisabled':
      if (!key.enabled) faults.push('its key was disabled already')
      key.enabled = false
      break
    case 'KeyRevoked':
      key.revoked = true
      break
    case 'KeyRotated':
      if (payload.previousHash !== null && payload.previousHash !== key.hash) {
        faults.push('the previous secret is not the one that its key had')
      }
      faults.push(...takeSecret(state, key, payload.hash))
      key.hash = payload.hash
      break
    case 'KeyBudgetsChanged':
      noteBudgets(state, accountId, keyId, { after: position, budgets: payload.budgets })
      break
    case 'KeyGrouped':
      noteBudgets(state, accountId, keyId, { after: position, group: payload.group })
      break
    case 'KeyUpdated':
      if (payload.expiresAt !== undefined) key.expiresAt = endOf(payload.expiresAt)
      break
  }
  return faults
}

/** @param time null: never */
function endOf(time: string | null): Micros {
  return time === null ? Number.POSITIVE_INFINITY : microsOf(time)
}

function noteBudgets(
  { budgets: { ofAccounts, ofKeys } }: LedgerState,
  accountId: string,
  keyId: string,
  change: { readonly after: number } & Partial<BudgetsOfKey>,
): void {
  // Its events are followed from here on.
  if (change.budgets && !ofAccounts.has(accountId)) ofAccounts.set(accountId, [])
  const before = ofKeys.get(keyId) ?? []
  ofKeys.set(keyId, [...before, { budgets: [], group: null, ...before.at(-1), ...change }])
}

function takeSecret(state: LedgerState, key: FollowedKey, hash: string): string[] {
  const owner = state.secrets.get(hash)
  state.secrets.set(hash, key.keyId)
  return owner === undefined ? [] : ['its secret is that of a key already']
}
