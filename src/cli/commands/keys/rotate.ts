/** `tollbook keys rotate` */

import { cliActor } from '../../cli-actor.ts'
import { command } from '../../command.ts'
import { withLedger } from '../../open-ledger.ts'
import { keyArg } from '../../options/key-arg.ts'
import { changeArgs } from '../../options/ledger-args.ts'
import { parseInteger } from '../../options/option-values.ts'
import { bold, dim, json, say, time } from '../../output.ts'
import { unwrap } from '../../refusal-error.ts'

const args = {
  ...keyArg,
  grace: {
    type: 'string',
    valueHint: 'SECONDS',
    description: 'How long the old secret still works; 0 after a leak',
    default: '0',
  },
  ...changeArgs,
} as const

export default command(
  {
    description:
      'Give a key a new secret, which is printed once. The old secret stops working at once, or after a grace period.',
    examples: ['keys rotate key_… --grace 86400', 'keys rotate key_… --reason "leaked in a log"'],
  },
  args,
  async (args) => {
    const graceSeconds = parseInteger('--grace', args.grace, 0)
    const { key, view } = await withLedger(args, async ({ management }) =>
      unwrap(await management.rotateKey('everyone', args.key, graceSeconds, cliActor(args))),
    )
    if (args.json) return json({ key, ...view })
    const old = view.previousUntil
      ? `works until ${time(view.previousUntil)} UTC`
      : 'no longer works'
    say(`${bold(key)}\n${dim(`This is the new key, printed this once. The old one ${old}.`)}`)
  },
)
