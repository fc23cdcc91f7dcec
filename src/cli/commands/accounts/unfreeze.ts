/** `tollbook accounts unfreeze` */

import { changeAccount } from '../../change-account.ts'
import { command } from '../../command.ts'
import { accountArg } from '../../options/account-arg.ts'
import { changeArgs } from '../../options/ledger-args.ts'

const args = { ...accountArg, ...changeArgs } as const

export default command(
  { description: 'Thaw a frozen account: its keys work again.' },
  args,
  (args) => changeAccount(args, { frozen: false }),
)
