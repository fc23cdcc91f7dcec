import { figureOf, type Sum } from '../../lib/sums.ts'
import type { RefusalLine, RefusedKey } from '../../reports/usage/refusals.ts'
import type { TopUser } from '../../reports/usage/top-users.ts'
import type { UsageRow } from '../../reports/usage/usage-by.ts'
import type { DailyUsage } from '../../reports/usage/usage-by-day.ts'
import type { UsageFigures } from '../../reports/usage/usage-figures.ts'
import type { UsageOverview } from '../../reports/usage/usage-overview.ts'
import type { UsageSummary } from '../../reports/usage/usage-summary.ts'
import {
  asCredits,
  type Cell,
  credits,
  dim,
  formatNumber,
  heading,
  say,
  table,
  time,
} from '../output.ts'

const figureHeads = ['Requests', 'Errors', 'Credits', 'Latency (ms)']

export function printUsage(
  name: string,
  { month, summary, days }: { month: string; summary: UsageSummary; days: readonly DailyUsage[] },
): void {
  heading(`Usage of ${name} in ${month}`)
  if (summary.requests === 0) say(dim('No calls.'))
  else printServed(summary, days)
  printRefusals(summary.refusals)
}

/** Calls that were refused, by endpoint and by the code that their clients read. */
export function printRefusals(refusals: readonly RefusalLine[]): void {
  if (refusals.length === 0) return
  heading('Refused')
  table(
    ['Endpoint', 'Reason', 'Calls', 'Last at (UTC)'],
    refusals.map(({ endpoint, reason, calls, lastAt }) => [
      endpoint,
      reason,
      figureOf(calls),
      time(lastAt),
    ]),
  )
}

/** The keys whose calls were refused most, by the code that their clients read. */
export function printMostRefused(refusals: readonly RefusedKey[]): void {
  if (refusals.length === 0) return
  heading('Refused most')
  table(
    ['Key', 'Account', 'Reason', 'Calls', 'Last at (UTC)'],
    refusals.map(({ keyId, accountId, reason, calls, lastAt }) => [
      keyId,
      accountId,
      reason,
      figureOf(calls),
      time(lastAt),
    ]),
  )
}

function printServed(summary: UsageSummary, days: readonly DailyUsage[]): void {
  const failed = `${formatNumber(summary.errors)} failed (${percent(summary.errorRate)})`
  say(
    `${count(summary.requests, 'call')}, ${failed}, ${credits(summary.credits)} charged; last at ${time(summary.lastUsedAt ?? '')} UTC`,
  )
  heading('By endpoint')
  table(
    ['Endpoint', 'Quantity', ...figureHeads],
    summary.byEndpoint.map((line) => [line.endpoint, figureOf(line.quantity), ...figuresOf(line)]),
  )
  heading('By day')
  table(
    ['Day', 'Endpoint', 'Quantity', ...figureHeads],
    days.map((line) => [line.date, line.endpoint, figureOf(line.quantity), ...figuresOf(line)]),
  )
}

export function printOverview(usage: UsageOverview & { month: string }): void {
  const { total, byPlan, byEndpoint, byDay } = usage
  heading(`Usage in ${usage.month}`)
  if (total.requests === 0) {
    say(dim('No calls.'))
    return
  }
  say(
    `${count(total.requests, 'call')} by ${count(total.accounts, 'account')} with ${count(total.keys, 'key')}, ${formatNumber(total.errors)} failed, ${credits(total.credits)} charged`,
  )
  heading('By plan')
  table(
    ['Plan', 'Accounts', ...figureHeads],
    byPlan.map((line) => [line.plan, line.accounts, ...figuresOf(line)]),
  )
  heading('By endpoint')
  table(
    ['Endpoint', 'Quantity', ...figureHeads],
    byEndpoint.map((line) => [line.endpoint, figureOf(line.quantity), ...figuresOf(line)]),
  )
  heading('By day')
  table(
    ['Day', ...figureHeads],
    byDay.map((line) => [line.date, ...figuresOf(line)]),
  )
}

export function printRows(usage: {
  month: string
  by: string
  over: 'log' | 'projection'
  rows: readonly UsageRow[]
}): void {
  const { month, by, over, rows } = usage
  heading(`Usage in ${month} by ${by}${over === 'log' ? ', from the log' : ''}`)
  if (rows.length === 0) {
    say(dim('No calls.'))
    return
  }
  const counted = by === 'endpoint' ? ['Quantity'] : []
  const name = `${by[0]?.toUpperCase()}${by.slice(1)}${by === 'hour' || by === 'day' ? ' (UTC)' : ''}`
  table(
    [name, ...counted, 'Requests', 'Errors', 'Error rate', 'Credits', 'Latency (ms)'],
    rows.map(({ name, quantity, requests, errors, errorRate, credits, avgLatencyMs }) => [
      name,
      ...(quantity === null ? [] : [figureOf(quantity)]),
      ...[figureOf(requests), figureOf(errors), percent(errorRate), asCredits(credits)],
      avgLatencyMs,
    ]),
  )
}

export function printTop(month: string, users: readonly TopUser[]): void {
  heading(`Charged most in ${month}`)
  if (users.length === 0) {
    say(dim('No calls.'))
    return
  }
  table(
    ['Account', 'Owner', 'Plan', 'Keys', ...figureHeads, 'Last call (UTC)'],
    users.map((user) => [
      user.accountId,
      `${user.owner.kind} ${user.owner.id}`,
      user.plan,
      user.keys,
      ...figuresOf(user),
      time(user.lastUsedAt),
    ]),
  )
}

function figuresOf({ requests, errors, credits, avgLatencyMs }: UsageFigures): Cell[] {
  return [figureOf(requests), figureOf(errors), asCredits(credits), avgLatencyMs]
}

/** `1 call`, `1,234 calls` */
function count(sum: Sum, what: string): string {
  return `${formatNumber(sum)} ${what}${String(sum) === '1' ? '' : 's'}`
}

function percent(part: number): string {
  return `${(part * 100).toFixed(1)} %`
}
