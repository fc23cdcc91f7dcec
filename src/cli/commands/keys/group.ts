/** `tollbook keys group` */

import { changeKey } from '../../change-key.ts'
import { command } from '../../command.ts'
import { parseGroup } from '../../options/budget-args.ts'
import { keyArg } from '../../options/key-arg.ts'
import { changeArgs } from '../../options/ledger-args.ts'

const args = {
  ...keyArg,
  group: {
    type: 'positional',
    required: true,
    description: 'Name of the group; the word none: the key is in no group',
  },
  ...changeArgs,
} as const

export default command(
  {
    description: 'Put a key into a group, whose budgets it counts in from then on.',
    examples: ['keys group key_… team-a', 'keys group key_… none'],
  },
  args,
  (args) =>
    changeKey(args, { group: args.group === 'none' ? null : parseGroup('the group', args.group) }),
)
