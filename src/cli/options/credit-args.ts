/** Arguments and options of the commands about credits. */

import { UsageError } from '../usage-error.ts'
import { accountArg } from './account-arg.ts'
import { parseAmount } from './option-values.ts'

export const creditArgs = {
  ...accountArg,
  credits: { type: 'positional', required: true, description: 'Number of credits' },
} as const

export const externalIdArg = {
  'external-id': {
    type: 'string',
    valueHint: 'ID',
    description: 'Unique per account: a repeated command with the same id does nothing',
  },
} as const

export const testArg = {
  test: { type: 'boolean', description: 'Credits of test mode instead of live mode' },
} as const

export function creditsOf(text: string): number {
  return parseAmount('CREDITS', text, 1)
}

export function externalIdOf(text: string | undefined): { externalId?: string } {
  if (text === undefined) return {}
  if (/^[!-~]{1,200}$/.test(text)) return { externalId: text }
  throw new UsageError('--external-id takes 1 to 200 printable ASCII characters without spaces.')
}
