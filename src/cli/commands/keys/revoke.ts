/** `tollbook keys revoke` */

import { cliActor } from '../../cli-actor.ts'
import { command } from '../../command.ts'
import { withLedger } from '../../open-ledger.ts'
import { keyArg } from '../../options/key-arg.ts'
import { changeArgs } from '../../options/ledger-args.ts'
import { json, say, time } from '../../output.ts'
import { unwrap } from '../../refusal-error.ts'

const args = { ...keyArg, ...changeArgs } as const

export default command(
  {
    description: 'Revoke a key, for good. From then on no gateway accepts it.',
    examples: ['keys revoke key_… --reason "found in a public repository"'],
  },
  args,
  async (args) => {
    const view = await withLedger(args, async ({ management }) =>
      unwrap(await management.revokeKey('everyone', args.key, cliActor(args))),
    )
    if (args.json) json(view)
    else say(`${view.keyId} (${view.display}) is revoked since ${time(view.revokedAt ?? '')} UTC.`)
  },
)
