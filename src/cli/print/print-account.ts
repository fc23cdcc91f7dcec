/** Prints an account, and its credits. */

import { limitsText } from '../../lib/rate-limits.ts'
import type { AccountView } from '../../management/account-view.ts'
import type { Balance } from '../../reports/account/balance.ts'
import {
  asCredits,
  creditFigure,
  formatMoney,
  formatNumber,
  heading,
  pairs,
  say,
  table,
  time,
} from '../output.ts'
import { budgetText } from './budget-text.ts'

export function printAccount(account: AccountView): void {
  const { owner, profile, plannedPlan, ownLimits, fee } = account
  const own = (limit: number | null) => (limit === null ? '' : " (the account's own)")
  pairs([
    ['Account', account.accountId],
    ['Owner', `${owner.kind} ${owner.id}`],
    ['Name', profile.name],
    ['Contact', profile.contact],
    ['Billing address', profile.billingAddress.join(', ') || null],
    ['Tax id', profile.taxId],
    ['State', account.erased ? 'erased' : account.frozen ? 'frozen' : 'open'],
    ['Plan', account.plan + (fee ? `, ${formatMoney(fee)} a month` : '')],
    ['Next plan', plannedPlan && `${plannedPlan.plan} from ${time(plannedPlan.from)} UTC`],
    ['Credits a month', asCredits(account.monthlyCredits)],
    ['Permissions', account.endpoints === 'all' ? 'all' : account.endpoints.join(', ')],
    ['Rate limit', rateLimitText(account)],
    ['Budgets', account.budgets.length === 0 ? null : account.budgets.map(budgetText).join('; ')],
    ['Calls in flight', `${formatNumber(account.maxInFlight)}${own(ownLimits.maxInFlight)}`],
    ['Opened (UTC)', time(account.openedAt)],
  ])
}

function rateLimitText({ rateLimits, ownLimits }: AccountView): string {
  const isOwn = ownLimits.rateLimit !== null
  const each = rateLimits.map((limit) => limitsText([limit]))
  return each.map((text, n) => (isOwn && n === 0 ? `${text} (the account's own)` : text)).join(', ')
}

export function printBalance(mode: string, balance: Balance): void {
  const { allowance, month } = balance
  heading(mode === 'test' ? 'Credits, test mode' : 'Credits')
  pairs([
    ['Available', asCredits(balance.available)],
    ['Held', asCredits(balance.held)],
    ['Owed', balance.debt > 0 ? asCredits(balance.debt) : null],
    [
      'Allowance due',
      allowance.due > 0 ? `${creditFigure(allowance.due)} with the next call` : null,
    ],
    [
      'Overage due',
      balance.overageDue > 0 ? `${creditFigure(balance.overageDue)} with the next call` : null,
    ],
    [
      'Charged this month',
      `${creditFigure(month.settled)} for ${formatNumber(month.calls)} ${month.calls === 1 ? 'call' : 'calls'}`,
    ],
    ['Refunded this month', month.refunded === 0 ? null : asCredits(month.refunded)],
  ])
  printBudgets(balance)
  if (balance.lots.length === 0) return
  say('')
  table(
    ['Lot', 'Kind', 'Expires (UTC)', 'Granted', 'Settled', 'Held', 'Available'],
    balance.lots.map((lot) => [
      lot.lot,
      lot.kind,
      lot.expiresAt === null ? 'never' : time(lot.expiresAt),
      ...[lot.granted, lot.settled, lot.held, lot.available].map(asCredits),
    ]),
  )
}

function printBudgets({ budgets }: Balance): void {
  if (budgets.length === 0) return
  say('')
  table(
    ['Budget', 'Began (UTC)', 'Ends (UTC)', 'Used', 'Left'],
    budgets.map((budget) => [
      budgetText(budget),
      time(budget.startsAt),
      time(budget.endsAt),
      asCredits(budget.used),
      budget.left === 0 && budget.warnsOnly ? 'exceeded' : asCredits(budget.left),
    ]),
  )
}
