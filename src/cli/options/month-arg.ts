import { monthOf, monthPeriod } from '../../reports/log-reader/period.ts'
import { UsageError } from '../usage-error.ts'

export const monthArg = {
  month: { type: 'string', description: 'UTC month, as 2026-01 (default: the current one)' },
} as const

/** The month of the option, or the current one. */
export function monthOrCurrent(month: string | undefined): string {
  if (month === undefined) return monthOf(new Date())
  if (!monthPeriod(month, 'UTC'))
    throw new UsageError(`"${month}" is not a month: write it as 2026-01`)
  return month
}
