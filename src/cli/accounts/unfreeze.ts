/** `tollbook accounts unfreeze` */

import { command } from '../command.ts'
import { changeArgs } from '../open-ledger.ts'
import { accountArg } from './args.ts'
import { changeAccount } from './change.ts'

const args = { ...accountArg, ...changeArgs } as const

export default command({ name: 'unfreeze', description: 'Thaw a frozen account.' }, args, (args) =>
  changeAccount(args, { frozen: false }),
)
