/** What an account has yet to get of its month's overage, which comes before whatever is bought while nothing is owed. */
import { planOf } from '../meaning/follow-plans.ts'
import type { FollowedAccount, LedgerState } from '../meaning/ledger-state.ts'
import { type Micros, monthOf } from '../meaning/rare-events.ts'
import type { Purse } from './purse.ts'

export function overageDue(
  state: LedgerState,
  account: FollowedAccount | undefined,
  { overageMonth }: Purse,
  time: Micros,
): number {
  const { overage } = planOf(state, account, time) ?? {}
  return overage && overageMonth !== monthOf(time).start ? overage.max : 0
}
