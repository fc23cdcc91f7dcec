/** `tollbook operator-keys revoke` */
import { command } from '../../command.ts'
import { withLedger } from '../../open-ledger.ts'
import { configArg, ledgerArgs } from '../../options/ledger-args.ts'
import { operatorKeyArg } from '../../options/operator-key-arg.ts'
import { plainActor, plainReasonArg } from '../../options/plain-reason.ts'
import { json, say, time } from '../../output.ts'
import { unwrap } from '../../refusal-error.ts'

const args = { ...operatorKeyArg, ...plainReasonArg, ...configArg, ...ledgerArgs } as const

export default command(
  {
    description: 'Revoke an operator key, for good. Its next request is refused.',
    examples: ['operator-keys revoke opk_… --reason "found in a build log"'],
  },
  args,
  async (args) => {
    const view = await withLedger(args, async ({ management }) =>
      unwrap(await management.revokeOperatorKey(args.key, plainActor(args))),
    )
    if (args.json) json(view)
    else say(`${view.id} (${view.display}) is revoked since ${time(view.revokedAt ?? '')} UTC.`)
  },
)
