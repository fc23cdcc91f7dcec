/** `tollbook operator-keys rotate` */
import { command } from '../../command.ts'
import { withLedger } from '../../open-ledger.ts'
import { configArg, ledgerArgs } from '../../options/ledger-args.ts'
import { operatorKeyArg } from '../../options/operator-key-arg.ts'
import { parseInteger, parseTime } from '../../options/option-values.ts'
import { plainActor, plainReasonArg } from '../../options/plain-reason.ts'
import { json } from '../../output.ts'
import { printIssuedOperatorKey } from '../../print/print-operator-keys.ts'
import { unwrap } from '../../refusal-error.ts'

const args = {
  ...operatorKeyArg,
  grace: {
    type: 'string',
    valueHint: 'SECONDS',
    description: 'How long the old secret still works; 0 after a leak',
    default: '0',
  },
  expires: {
    type: 'string',
    valueHint: 'TIME',
    description: 'When the new secret expires (default: when the old one would have)',
  },
  ...plainReasonArg,
  ...configArg,
  ...ledgerArgs,
} as const

export default command(
  {
    description:
      'Give an operator key a new secret, which is printed once. The old secret stops working at once, or after a grace period.',
    examples: ['operator-keys rotate opk_… --grace 86400 --expires 90d'],
  },
  args,
  async (args) => {
    const rotation = {
      graceSeconds: parseInteger('--grace', args.grace, 0),
      ...(args.expires !== undefined && {
        expiresAt: parseTime('--expires', args.expires, 'future', new Date()).toISOString(),
      }),
    }
    const issued = await withLedger(args, async ({ management }) =>
      unwrap(await management.rotateOperatorKey(args.key, rotation, plainActor(args))),
    )
    if (args.json) json({ key: issued.key, ...issued.view })
    else printIssuedOperatorKey(issued)
  },
)
