/** `tollbook accounts describe` */

import type { AccountProfile } from '../../../../events/account.ts'
import { changeAccount } from '../../change-account.ts'
import { command } from '../../command.ts'
import { accountArg } from '../../options/account-arg.ts'
import { changeArgs } from '../../options/ledger-args.ts'
import { parseText } from '../../options/option-values.ts'
import { UsageError } from '../../usage-error.ts'

const args = {
  ...accountArg,
  name: {
    type: 'string',
    description: 'Name of the customer, which statements show',
    mayBeEmpty: true,
  },
  contact: {
    type: 'string',
    valueHint: 'EMAIL',
    description: 'E-mail address',
    mayBeEmpty: true,
  },
  address: {
    type: 'string',
    valueHint: 'LINES',
    description: 'Billing address, its lines separated by semicolons',
    mayBeEmpty: true,
  },
  'tax-id': { type: 'string', valueHint: 'ID', description: 'Tax id', mayBeEmpty: true },
  ...changeArgs,
} as const

export default command(
  {
    description:
      'Say who owns an account. It is kept encrypted, and erased with the account. An option that is not passed leaves what was said; an empty one takes it away.',
    examples: [
      'accounts describe acc_… --name "Acme GmbH" --contact billing@acme.example',
      'accounts describe acc_… --address "Hauptstr. 1; 10115 Berlin" --tax-id DE123456789',
      'accounts describe acc_… --contact ""',
    ],
  },
  args,
  async (args) => {
    const { name, contact, address, 'tax-id': taxId } = args
    const profile: Partial<AccountProfile> = {
      ...(name !== undefined && { name: textOf('--name', name, 200) }),
      ...(contact !== undefined && { contact: emailOf(contact) }),
      ...(address !== undefined && { billingAddress: linesOf(address) }),
      ...(taxId !== undefined && { taxId: textOf('--tax-id', taxId, 64) }),
    }
    if (Object.keys(profile).length === 0) {
      throw new UsageError('who is it? Pass --name, --contact, --address or --tax-id.')
    }
    await changeAccount(args, { profile })
  },
)

function textOf(option: string, text: string, maxCharacters: number): string | null {
  return text.trim() === '' ? null : parseText(option, text.trim(), maxCharacters)
}

function emailOf(given: string): string | null {
  const text = given.trim()
  if (text === '') return null
  if (/^[^\s@]{1,64}@[^\s@]{1,189}$/.test(text)) return text
  throw new UsageError(`--contact takes an e-mail address, not "${text}".`)
}

function linesOf(text: string): string[] {
  const lines = text.split(';').map((line) => line.trim())
  const given = lines.filter((line) => line !== '')
  if (given.length > 8) throw new UsageError('--address takes at most 8 lines.')
  return given.map((line) => parseText('--address', line, 200))
}
