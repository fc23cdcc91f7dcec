/** `tollbook accounts unfreeze` */

import { changeAccount } from '../../change-account.ts'
import { command } from '../../command.ts'
import { changeArgs } from '../../open-ledger.ts'
import { accountArg } from '../../options/account-arg.ts'

const args = { ...accountArg, ...changeArgs } as const

export default command({ description: 'Thaw a frozen account.' }, args, (args) =>
  changeAccount(args, { frozen: false }),
)
