/** Which plan of an account was in force, and what it gives. */
import { allowanceOfMonth } from '../../../pricing/allowance-of-month.ts'
import { type LedgerState, tariffAt } from './ledger-state.ts'
import type { Micros } from './rare-events.ts'

/** The account's plan as the tariff in force has it. */
export function planOf(state: LedgerState, accountId: string, time: Micros) {
  const name = planTaken(state, accountId, time)?.plan
  const known = tariffAt(state, time)?.plans ?? {}
  return name !== undefined && Object.hasOwn(known, name) ? known[name] : undefined
}

/** What the account's plan gives for the month of a time. */
export function planCredits(state: LedgerState, accountId: string, time: Micros): number {
  const plan = planOf(state, accountId, time)
  const takenAt = (planTaken(state, accountId, time)?.from ?? 0) / 1_000
  return plan ? allowanceOfMonth(plan, { takenAt, now: time / 1_000 }) : 0
}

function planTaken(state: LedgerState, accountId: string, time: Micros) {
  return state.accounts.get(accountId)?.plans.findLast(({ from }) => from <= time)
}
