/** `tollbook keys budget` */

import { changeKey } from '../../change-key.ts'
import { command } from '../../command.ts'
import { budgetArgs, parseBudget } from '../../options/budget-args.ts'
import { keyArg } from '../../options/key-arg.ts'
import { changeArgs } from '../../options/ledger-args.ts'

const args = { ...keyArg, ...budgetArgs, ...changeArgs } as const

export default command(
  {
    description:
      'Give a key a budget of its own: so many credits in each day, week or month. What is used from then on counts, and a call that would use more is refused.',
    examples: [
      'keys budget key_… --credits 200 --per day --tz Europe/Berlin',
      'keys budget key_… --credits none --per day --tz Europe/Berlin',
    ],
  },
  args,
  (args) => changeKey(args, { budget: parseBudget(args) }),
)
