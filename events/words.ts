/** Parts of the sentences that describe events. */

import { type CreditScale, creditsText } from '../src/lib/credit-scale.ts'
import type { Budget } from './budget.ts'

/** `1 credit`, `1,200 credits`, or as the scale shows them */
export function amount(credits: number | null, scale: CreditScale | undefined): string {
  return creditsText(credits ?? 0, scale)
}

/** `1 call`, `1,200 calls` */
export function count(number: number | null, noun: string): string {
  const some = number ?? 0
  return `${some.toLocaleString('en')} ${noun}${some === 1 ? '' : 's'}`
}

/** `rateLimit 10, expiresAt none` */
export function changes(payload: Readonly<Record<string, unknown>>): string {
  return Object.entries(payload)
    .map(
      ([field, value]) => `${field} ${Array.isArray(value) ? value.join(' ') : (value ?? 'none')}`,
    )
    .join(', ')
}

export function day(time: unknown): string {
  return String(time).slice(0, 10)
}

/** `2026-01-31 12:00 UTC` */
export function minute(time: unknown): string {
  const date = new Date(String(time))
  return Number.isNaN(date.getTime())
    ? String(time)
    : `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** `1,200 credits a day in Europe/Berlin`; `none` */
export function budgetsInWords(budgets: unknown, scale?: CreditScale): string {
  const each = ((budgets ?? []) as readonly Budget[]).map(
    ({ credits, per, timeZone, group, warnsOnly }) =>
      `${amount(credits, scale)} a ${per} in ${timeZone}${group ? ` for the group ${group}` : ''}${warnsOnly ? ' (warns only)' : ''}`,
  )
  return each.join(', ') || 'none'
}
