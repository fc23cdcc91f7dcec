/** Accounts: opened once, by their owner's id, and never changed after they were erased. */
import { accountIdOf } from '../../../lib/ids.ts'
import { expectTrials } from './follow-trials.ts'
import type { LedgerState } from './ledger-state.ts'
import { microsOf, type RareEvent } from './rare-events.ts'

export function followAccount(state: LedgerState, event: RareEvent): string[] {
  const { type, accountId, payload, streamVersion, position } = event
  const known = state.accounts.get(accountId)
  if (type === 'AccountOpened') {
    state.accounts.set(
      accountId,
      known ?? {
        ...{ version: 1, frozen: false, erased: false, plans: [], keys: [] },
        ...{ trials: new Set(), maxInFlight: null },
      },
    )
    return [
      ...(known ? ['its account was open already'] : []),
      ...(streamVersion === 1 ? [] : ['it is not the first of its stream']),
      ...(accountId === accountIdOf(payload.owner) ? [] : ['its account is not that of its owner']),
    ]
  }
  if (!known) return ['its account was not open']
  const faults: string[] = []
  if (streamVersion !== known.version + 1) faults.push('it is not the next of its stream')
  if (known.erased) faults.push('its account was erased')
  known.version = streamVersion ?? known.version
  switch (type) {
    case 'PlanStarted':
      known.plans.push({ position, plan: payload.plan, from: microsOf(payload.from) })
      expectTrials(state, event)
      return faults
    case 'AccountLimitsChanged':
      known.maxInFlight = payload.maxInFlight ?? null
      break
    case 'AccountBudgetsChanged': {
      const changes = state.budgets.ofAccounts.get(accountId) ?? []
      state.budgets.ofAccounts.set(accountId, changes)
      changes.push({ after: position, budgets: payload.budgets })
      break
    }
    case 'AccountFrozen':
      if (known.frozen) faults.push('its account was frozen already')
      known.frozen = true
      break
    case 'AccountUnfrozen':
      if (!known.frozen) faults.push('its account was not frozen')
      known.frozen = false
      break
    case 'AccountErased':
      known.erased = true
      break
  }
  return faults
}
