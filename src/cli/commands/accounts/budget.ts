/** `tollbook accounts budget` */

import { changeAccount } from '../../change-account.ts'
import { command } from '../../command.ts'
import { accountArg } from '../../options/account-arg.ts'
import { budgetArgs, parseBudget, parseGroup } from '../../options/budget-args.ts'
import { changeArgs } from '../../options/ledger-args.ts'

const args = {
  ...accountArg,
  ...budgetArgs,
  group: { type: 'string', description: 'Only for keys of this group, all together' },
  ...changeArgs,
} as const

export default command(
  {
    description:
      'Give an account, or a group of its keys, a budget: so many credits in each day, week or month. What is used from then on counts, and a call that would use more is refused.',
    examples: [
      'accounts budget acc_… --credits 5000 --per day --tz Europe/Berlin',
      'accounts budget acc_… --credits 800 --per week --group team-a --warn',
      'accounts budget acc_… --credits none --per day --tz Europe/Berlin',
    ],
  },
  args,
  async (args) => {
    const group = args.group === undefined ? {} : { group: parseGroup('--group', args.group) }
    await changeAccount(args, { budget: { ...parseBudget(args), ...group } })
  },
)
