/** `tollbook accounts erase` */

import { command } from '../../command.ts'
import { UsageError } from '../../errors.ts'
import { changeArgs, unwrap, withLedger } from '../../open-ledger.ts'
import { accountArg } from '../../options/account-arg.ts'
import { json } from '../../output.ts'

const { reason: _, ...otherArgs } = changeArgs
const args = {
  ...accountArg,
  yes: { type: 'boolean', description: 'Yes, erase it: this cannot be undone' },
  ...otherArgs,
} as const

export default command(
  {
    description:
      'Destroy the key under which names, addresses and reasons of an account are encrypted. Its keys never buy again; amounts and hashes stay.',
    examples: ['accounts erase acc_… --yes'],
  },
  args,
  async (args) => {
    if (!args.yes) {
      throw new UsageError(
        `erasing cannot be undone: ${args.account} would never buy again. If that is meant, pass --yes.`,
      )
    }
    const account = await withLedger(args, async ({ management }) =>
      unwrap(await management.eraseAccount(args.account, { id: 'cli' })),
    )
    if (args.json) return json(account)
    console.log(`${account.accountId} is erased: nobody can read its names, addresses and reasons.`)
    console.log('Backups made before still hold its key: see docs/CLI.md for what to do with them.')
  },
)
