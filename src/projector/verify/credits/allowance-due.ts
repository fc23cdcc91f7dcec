/** What of its month's allowance an account has yet to get. It comes before whatever is bought or taken away. */
import { planCredits } from '../meaning/follow-plans.ts'
import type { FollowedAccount, LedgerState } from '../meaning/ledger-state.ts'
import { type Micros, monthOf } from '../meaning/rare-events.ts'
import type { Purse } from './purse.ts'

export function allowanceDue(
  state: LedgerState,
  account: FollowedAccount | undefined,
  purse: Purse,
  time: Micros,
): number {
  const [tariffs, plans] = [state.tariffs, account?.plans ?? none]
  const seen = purse.allowanceSeen
  if (seen?.tariffs === tariffs.length && seen.plans === plans.length && time < seen.until) return 0
  const month = monthOf(time)
  const granted = purse.allowanceMonth === month.start ? purse.allowanceGranted : 0
  const due = planCredits(state, account, time) - granted
  if (due > 0) return due
  const later = [...plans, ...tariffs].map(({ from }) => from).filter((from) => from > time)
  const until = Math.min(month.end, ...later)
  purse.allowanceSeen = { tariffs: tariffs.length, plans: plans.length, until }
  return 0
}

const none = [] as const
