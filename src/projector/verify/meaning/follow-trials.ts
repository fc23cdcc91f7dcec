/** Trials: given once, in each mode, by the first of an account's plans that has one, when it is taken. */
import type { Finding } from '../log-check.ts'
import { planOf } from './follow-plans.ts'
import type { LedgerState } from './ledger-state.ts'
import { microsOf, type RareEvent } from './rare-events.ts'

const dayMicros = 86_400_000_000

/** Notes what a plan that begins at once has yet to give. @param event a PlanStarted */
export function expectTrials(state: LedgerState, event: RareEvent): void {
  const { accountId, recordedAt, position, payload } = event
  if (microsOf(payload.from) > recordedAt) return
  const { trial } = planOf(state, state.accounts.get(accountId), recordedAt) ?? {}
  if (!trial) return
  for (const mode of ['live', 'test']) {
    if (state.accounts.get(accountId)?.trials.has(mode)) continue
    state.trialsDue.push({ position, recordedAt, accountId, mode, trial })
  }
}

/** @param event a CreditsGranted of a trial */
export function followTrial(state: LedgerState, event: RareEvent): string[] {
  const { accountId, mode, credits, recordedAt, payload } = event
  state.accounts.get(accountId)?.trials.add(mode)
  const due = state.trialsDue.find((each) => each.accountId === accountId && each.mode === mode)
  if (due?.recordedAt !== recordedAt) return ['no trial was due']
  state.trialsDue = state.trialsDue.filter((each) => each !== due)
  const faults: string[] = []
  const { trial } = due
  if (credits !== trial.credits) faults.push(`its plan gives ${trial.credits} credits to try`)
  const ends = recordedAt + trial.days * dayMicros
  if (microsOf(payload.startsAt) !== recordedAt || microsOf(payload.expiresAt ?? '') !== ends) {
    faults.push(`its plan gives ${trial.days} days to try`)
  }
  return faults
}

/**
 * Trials that were due and were not given.
 * @param event what the account did later; absent: the log has ended
 */
export function missingTrials(state: LedgerState, event?: RareEvent): Finding[] {
  const missing = state.trialsDue.filter(
    ({ accountId, recordedAt }) =>
      !event || (event.accountId === accountId && event.recordedAt > recordedAt),
  )
  if (missing.length === 0) return []
  state.trialsDue = state.trialsDue.filter((each) => !missing.includes(each))
  return missing.map(({ position, mode, trial }) => ({
    position,
    fault: `${trial.credits} credits to try were due in ${mode} mode`,
  }))
}
