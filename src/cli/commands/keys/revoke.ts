/** `tollbook keys revoke` */

import { command } from '../../command.ts'
import { changeArgs, cliActor, unwrap, withLedger } from '../../open-ledger.ts'
import { keyArg } from '../../options/key-args.ts'
import { json, time } from '../../output.ts'

const args = { ...keyArg, ...changeArgs } as const

export default command(
  {
    description: 'Revoke a key, for good. It buys nothing from then on, at any gateway.',
    examples: ['keys revoke key_… --reason "found in a public repository"'],
  },
  args,
  async (args) => {
    const view = await withLedger(args, async ({ management }) =>
      unwrap(await management.revokeKey('everyone', args.key, cliActor(args))),
    )
    if (args.json) json(view)
    else
      console.log(
        `${view.keyId} (${view.display}) is revoked since ${time(view.revokedAt ?? '')} UTC.`,
      )
  },
)
