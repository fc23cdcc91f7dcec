/** Budgets for histories that are made up. */
import type { Budget, KeyBudget } from '../../events/budget.ts'

const zones = ['UTC', 'Europe/Berlin', 'America/Havana', 'Asia/Kathmandu', 'Australia/Lord_Howe']

/** None, one or several, which are soon used up. */
export function budgetsFor(pick: number, credits: number): Budget[] {
  const timeZone = zones[pick % zones.length] ?? 'UTC'
  const budgets: Budget[] = [
    { credits: credits * 2, per: 'day', timeZone },
    { credits: credits * 4, per: 'week', timeZone: 'Europe/Berlin' },
    { credits, per: 'day', timeZone, warnsOnly: true },
    { credits: credits * 3, per: 'day', timeZone: 'UTC', group: 'red' },
    { credits: credits * 6, per: 'month', timeZone },
    { credits: credits * 2, per: 'week', timeZone, group: 'blue' },
  ]
  return budgets.slice(pick % 3, (pick % 3) + (credits % 5))
}

export function keyBudgetsFor(pick: number, credits: number): KeyBudget[] {
  const timeZone = zones[credits % zones.length] ?? 'UTC'
  const budgets: KeyBudget[] = [
    { credits, per: 'day', timeZone },
    { credits: credits * 3, per: 'month', timeZone: 'Europe/Berlin' },
  ]
  return budgets.slice(0, pick % 3)
}

export function groupFor(pick: number): string | null {
  return ['red', 'blue', null][pick % 3] ?? null
}
