/** `tollbook accounts freeze` */

import { changeAccount } from '../../change-account.ts'
import { command } from '../../command.ts'
import { changeArgs } from '../../open-ledger.ts'
import { accountArg } from '../../options/account-arg.ts'

const args = { ...accountArg, ...changeArgs } as const

export default command(
  {
    description: 'Freeze an account: none of its keys can buy until it is thawed.',
  },
  args,
  (args) => changeAccount(args, { frozen: true }),
)
