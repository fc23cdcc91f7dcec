/** The options of the commands that set one budget. */
import type { Budget } from '../../../events/budget.ts'
import type { BudgetChange } from '../../management/change-budgets.ts'
import { UsageError } from '../usage-error.ts'
import { parseAmount } from './option-values.ts'

export const budgetArgs = {
  credits: {
    type: 'string',
    valueHint: 'N|none',
    description: 'So many credits at most; the word none: the budget is taken away',
  },
  per: {
    type: 'string',
    valueHint: 'day|week|month',
    description: 'The span of the calendar; a week begins on Monday',
  },
  tz: {
    type: 'string',
    valueHint: 'ZONE',
    default: 'UTC',
    description: 'The time zone of the calendar, such as Europe/Berlin',
  },
  warn: { type: 'boolean', description: 'Refuse nothing, and only show what is exceeded' },
} as const

export function parseBudget(args: {
  readonly credits?: string | undefined
  readonly per?: string | undefined
  readonly tz: string
  readonly warn?: boolean | undefined
}): BudgetChange {
  if (args.credits === undefined) throw new UsageError('how many credits? Pass --credits.')
  const credits = args.credits === 'none' ? null : parseAmount('--credits', args.credits, 0)
  const warns = args.warn ? ({ warnsOnly: true } as const) : {}
  return { credits, per: perOf(args.per), timeZone: args.tz, ...warns }
}

function perOf(text: string | undefined): Budget['per'] {
  if (text === 'day' || text === 'week' || text === 'month') return text
  throw new UsageError(`--per takes day, week or month${text ? `, not "${text}"` : ''}.`)
}

export function parseGroup(option: string, text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text)) return text
  throw new UsageError(`${option} takes a name of letters, digits, ".", "_" and "-".`)
}
