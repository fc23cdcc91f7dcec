/** `tollbook accounts plan` */

import { changeAccount } from '../../change-account.ts'
import { command } from '../../command.ts'
import { accountArg } from '../../options/account-arg.ts'
import { changeArgs } from '../../options/ledger-args.ts'

const args = {
  ...accountArg,
  plan: {
    type: 'positional',
    required: true,
    description: 'Name of a plan in the tariff in force',
  },
  ...changeArgs,
} as const

export default command(
  {
    description:
      'Put an account on a plan. A plan that gives more applies at once, one that gives less from the next month on.',
    examples: ['accounts plan acc_… pro --reason "order 4711"'],
  },
  args,
  (args) => changeAccount(args, { plan: args.plan }),
)
