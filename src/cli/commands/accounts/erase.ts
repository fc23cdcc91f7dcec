/** `tollbook accounts erase` */

import { command } from '../../command.ts'
import { withLedger } from '../../open-ledger.ts'
import { accountArg } from '../../options/account-arg.ts'
import { changeArgs } from '../../options/ledger-args.ts'
import { json, say } from '../../output.ts'
import { unwrap } from '../../refusal-error.ts'
import { UsageError } from '../../usage-error.ts'

const { reason: _, ...otherArgs } = changeArgs
const args = {
  ...accountArg,
  yes: { type: 'boolean', description: 'Confirm: erasing cannot be undone' },
  ...otherArgs,
} as const

export default command(
  {
    description:
      'Erase the personal data of an account, for good. The encryption key of its names, addresses, reasons and notes is destroyed, and its API keys are revoked; amounts and hashes stay.',
    examples: ['accounts erase acc_… --yes'],
  },
  args,
  async (args) => {
    if (!args.yes) {
      throw new UsageError(
        `erasing cannot be undone, and no key of ${args.account} would ever work again. Pass --yes to confirm.`,
      )
    }
    const account = await withLedger(args, async ({ management }) =>
      unwrap(await management.eraseAccount(args.account, { id: 'cli' })),
    )
    if (args.json) return json(account)
    say(
      `${account.accountId} is erased: nobody can read its names, addresses, reasons and notes any more.`,
    )
    say('Older backups still hold its encryption key: docs/CLI.md says what to do with them.')
  },
)
