/** What commands about credits take. */

import { UsageError } from '../errors.ts'
import { accountArg } from './account-arg.ts'
import { integer } from './option-values.ts'

export const creditArgs = {
  ...accountArg,
  credits: { type: 'positional', required: true, description: 'How many' },
} as const

export const externalIdArg = {
  'external-id': {
    type: 'string',
    valueHint: 'ID',
    description: 'Unique per account: the same again under it is not done twice',
  },
} as const

export const testArg = {
  test: { type: 'boolean', description: 'Credits of test mode instead of live' },
} as const

const maxCredits = 1_000_000_000_000

export function creditsOf(text: string): number {
  const credits = integer('CREDITS', text, 1)
  if (credits <= maxCredits) return credits
  throw new UsageError(`CREDITS takes at most ${maxCredits}, not "${text}".`)
}

export function externalIdOf(text: string | undefined): { externalId?: string } {
  if (text === undefined) return {}
  if (/^[!-~]{1,200}$/.test(text)) return { externalId: text }
  throw new UsageError('--external-id takes 1 to 200 printable ASCII characters without spaces.')
}
