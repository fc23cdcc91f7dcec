/** `tollbook accounts plan` */

import { changeAccount } from '../../change-account.ts'
import { command } from '../../command.ts'
import { changeArgs } from '../../open-ledger.ts'
import { accountArg } from '../../options/account-arg.ts'

const args = {
  ...accountArg,
  plan: {
    type: 'positional',
    required: true,
    description: 'Name of a plan of the tariff in force',
  },
  ...changeArgs,
} as const

export default command(
  {
    description:
      'Put an account on a plan: one that gives more counts at once, one that gives less from next month.',
    examples: ['accounts plan acc_… pro --reason "order 4711"'],
  },
  args,
  (args) => changeAccount(args, { plan: args.plan }),
)
