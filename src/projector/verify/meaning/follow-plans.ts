/** What the plan of an account gives that was in force. */
import type { Plan } from '../../../../events/tariffs.ts'
import { allowanceOfMonth } from '../../../pricing/allowance-of-month.ts'
import { type FollowedAccount, type LedgerState, planAt, tariffAt } from './ledger-state.ts'
import type { Micros } from './rare-events.ts'

/** The account's plan as the tariff in force has it. */
export function planOf(
  state: LedgerState,
  account: FollowedAccount | undefined,
  time: Micros,
): Plan | undefined {
  const name = planAt(account, time)?.plan
  const known = tariffAt(state, time)?.plans ?? {}
  return name !== undefined && Object.hasOwn(known, name) ? known[name] : undefined
}

/** What the account's plan gives for the month of a time. */
export function planCredits(
  state: LedgerState,
  account: FollowedAccount | undefined,
  time: Micros,
): number {
  const plan = planOf(state, account, time)
  const takenAt = (planAt(account, time)?.from ?? 0) / 1_000
  return plan ? allowanceOfMonth(plan, { takenAt, now: time / 1_000 }) : 0
}
