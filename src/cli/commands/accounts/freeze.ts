/** `tollbook accounts freeze` */

import { changeAccount } from '../../change-account.ts'
import { command } from '../../command.ts'
import { accountArg } from '../../options/account-arg.ts'
import { changeArgs } from '../../options/ledger-args.ts'

const args = { ...accountArg, ...changeArgs } as const

export default command(
  {
    description: 'Freeze an account: every call of its keys is refused until it is thawed.',
  },
  args,
  (args) => changeAccount(args, { frozen: true }),
)
