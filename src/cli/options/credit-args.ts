/** Arguments and options of the commands about credits. */

import { creditsText } from '../../lib/credit-scale.ts'
import { creditScale, credits } from '../output.ts'
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

/** @throws UsageError that says what a credit is, where the ledger that is open shows credits as something else */
export function creditsOf(text: string): number {
  try {
    return parseAmount('CREDITS', text, 1)
  } catch (error) {
    if (!(error instanceof UsageError) || !creditScale()) throw error
    throw new UsageError(`${error.message} 1 credit is ${credits(1)}.`)
  }
}

/** `500 credits`, or where the ledger shows them as something else `500 credits (€0.000500)` */
export function amountOf(count: number): string {
  return creditScale() ? `${creditsText(count)} (${credits(count)})` : credits(count)
}

export function externalIdOf(text: string | undefined): { externalId?: string } {
  if (text === undefined) return {}
  if (/^[!-~]{1,200}$/.test(text)) return { externalId: text }
  throw new UsageError('--external-id takes 1 to 200 printable ASCII characters without spaces.')
}
