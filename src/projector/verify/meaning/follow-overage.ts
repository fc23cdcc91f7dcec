/** Overage: one lot a month, as large and by the terms that the plan in force says, given while nothing is owed. */
import { overageDue } from '../credits/overage-due.ts'
import type { Purse } from '../credits/purse.ts'
import { planOf } from './follow-plans.ts'
import type { LedgerState } from './ledger-state.ts'
import { microsOf, monthOf, type RareEvent } from './rare-events.ts'

/** @param event a CreditsGranted of overage */
export function followOverage(state: LedgerState, event: RareEvent, purse: Purse): string[] {
  const { accountId, recordedAt, credits, payload } = event
  const account = state.accounts.get(accountId)
  const faults: string[] = []
  const due = overageDue(state, account, purse, recordedAt)
  if (credits !== due) faults.push(`${due} credits of overage were due`)
  if (purse.debt > 0) faults.push('overage was given while credits were owed')
  const { fee, per } = planOf(state, account, recordedAt)?.overage ?? {}
  if (!Bun.deepEquals(payload.overage, { fee, per })) {
    faults.push('it is not billed as its plan says')
  }
  const { start, end } = monthOf(recordedAt)
  if (microsOf(payload.startsAt) !== start || microsOf(payload.expiresAt ?? '') !== end) {
    faults.push("overage is its month's")
  }
  purse.overageMonth = start
  return faults
}
