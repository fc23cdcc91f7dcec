/** `tollbook keys rotate` */

import { command } from '../../command.ts'
import { changeArgs, cliActor, unwrap, withLedger } from '../../open-ledger.ts'
import { keyArg } from '../../options/key-args.ts'
import { integer } from '../../options/option-values.ts'
import { bold, dim, json, time } from '../../output.ts'

const args = {
  ...keyArg,
  grace: {
    type: 'string',
    valueHint: 'SECONDS',
    description: 'How long the old secret still works; after a leak, 0',
    default: '0',
  },
  ...changeArgs,
} as const

export default command(
  {
    description:
      'Give a key a new secret, shown once. The old one is dead at once, or after a grace.',
    examples: ['keys rotate key_… --grace 86400', 'keys rotate key_… --reason "leaked in a log"'],
  },
  args,
  async (args) => {
    const grace = integer('--grace', args.grace, 0)
    const { key, view } = await withLedger(args, async ({ management }) =>
      unwrap(await management.rotateKey('everyone', args.key, grace, cliActor(args))),
    )
    if (args.json) return json({ key, ...view })
    const old = view.previousUntil ? `works until ${time(view.previousUntil)} UTC` : 'is dead'
    console.log(`${bold(key)}\n${dim(`This is the new key, shown this once. The old one ${old}.`)}`)
  },
)
