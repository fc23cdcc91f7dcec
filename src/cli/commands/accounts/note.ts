/** `tollbook accounts note` */

import { changeAccount } from '../../change-account.ts'
import { command } from '../../command.ts'
import { accountArg } from '../../options/account-arg.ts'
import { changeArgs } from '../../options/ledger-args.ts'
import { parseText } from '../../options/option-values.ts'

const { reason: _, ...otherArgs } = changeArgs
const args = {
  ...accountArg,
  text: { type: 'string', required: true, description: 'What is to be kept' },
  ...otherArgs,
} as const

export default command(
  {
    description:
      'Write a note on an account, for operators alone. It is kept encrypted, and erased with the account; it cannot be taken back.',
    examples: ['accounts note acc_… --text "Called, promised a refund until Friday"'],
  },
  args,
  (args) => changeAccount(args, { note: parseText('--text', args.text.trim(), 2_000) }),
)
