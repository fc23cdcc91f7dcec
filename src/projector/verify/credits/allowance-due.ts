/** What of its month's allowance an account has yet to get. It comes before whatever is bought or taken away. */
import { planCredits } from '../meaning/follow-plans.ts'
import { purseOf as followedPurseOf, type LedgerState } from '../meaning/ledger-state.ts'
import { type Micros, monthOf } from '../meaning/rare-events.ts'
import type { Purse } from './credit-state.ts'

/** @param change how often plans and tariffs have changed: until the next time, what was seen is seen */
export function allowanceDue(
  state: LedgerState,
  purse: Purse,
  of: { readonly accountId: string | null; readonly mode: string | null; readonly time: Micros },
  change: number,
): number {
  const { time } = of
  if (purse.allowanceSeen.change === change && time < purse.allowanceSeen.until) return 0
  const accountId = of.accountId ?? ''
  const month = monthOf(time)
  const { allowanceMonth, allowanceGranted } = followedPurseOf(state, `${accountId} ${of.mode}`)
  const granted = allowanceMonth === month.start ? allowanceGranted : 0
  const due = planCredits(state, accountId, time) - granted
  if (due > 0) return due
  const plans = state.accounts.get(accountId)?.plans ?? []
  const later = [...plans, ...state.tariffs].map(({ from }) => from).filter((from) => from > time)
  purse.allowanceSeen = { change, until: Math.min(month.end, ...later) }
  return 0
}
