/** `tollbook accounts show` */
import { readBalance } from '../../../reports/account/balance.ts'
import { command } from '../../command.ts'
import { withLedger } from '../../open-ledger.ts'
import { accountArg } from '../../options/account-arg.ts'
import { configArg, ledgerArgs } from '../../options/ledger-args.ts'
import { json } from '../../output.ts'
import { printAccount, printBalance } from '../../print/print-account.ts'
import { UsageError } from '../../usage-error.ts'

const args = {
  ...accountArg,
  test: { type: 'boolean', description: 'The balance of test mode instead of live mode' },
  ...configArg,
  ...ledgerArgs,
} as const

export default command(
  {
    description:
      'Print one account: its plan, its limits, and the credits that a call could use now.',
  },
  args,
  async (args) => {
    const mode = args.test ? 'test' : 'live'
    const { account, credits } = await withLedger(args, async ({ sql, management }) => ({
      account: await management.readAccount(args.account),
      credits: await readBalance(sql, args.account, mode),
    }))
    if (!account || !credits) {
      throw new UsageError(
        `the ledger has no account ${args.account}; see "tollbook accounts list".`,
      )
    }
    if (args.json) return json({ account, mode, balance: credits })
    printAccount(account)
    printBalance(mode, credits)
  },
)
