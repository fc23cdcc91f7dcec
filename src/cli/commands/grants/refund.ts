/** `tollbook grants refund` */

import { undeliveredId } from '../../../management/manage-credits.ts'
import { cliActor } from '../../cli-actor.ts'
import { command } from '../../command.ts'
import { withLedger } from '../../open-ledger.ts'
import { amountOf, creditsOf, externalIdArg, externalIdOf } from '../../options/credit-args.ts'
import { changeArgs } from '../../options/ledger-args.ts'
import { json, say } from '../../output.ts'
import { unwrap } from '../../refusal-error.ts'
import { UsageError } from '../../usage-error.ts'

const args = {
  request: { type: 'positional', required: true, description: "The call's X-Request-Id" },
  credits: {
    type: 'positional',
    required: false,
    description: 'Number of credits (default: all that is left)',
  },
  undelivered: {
    type: 'boolean',
    default: false,
    description:
      'Only if its gateway withheld the response, or was fenced before it said that it had left',
  },
  ...externalIdArg,
  ...changeArgs,
} as const

export default command(
  {
    description: 'Refund a charge, wholly or in part, to the lots that it was drawn from.',
    examples: [
      'grants refund 019a… --undelivered --reason "the response never arrived"',
      'grants refund 019a… 5',
    ],
  },
  args,
  async (args) => {
    if (args.undelivered && args['external-id'] !== undefined) {
      throw new UsageError('--undelivered makes its own --external-id: give one of them.')
    }
    const refund = {
      ...externalIdOf(args['external-id']),
      ...(args.undelivered && { externalId: undeliveredId(args.request) }),
    }
    const refunded = await withLedger(args, async ({ management }) => {
      const part = args.credits === undefined ? {} : { credits: creditsOf(args.credits) }
      return unwrap(await management.refund(args.request, { ...refund, ...part }, cliActor(args)))
    })
    if (args.json) json(refunded)
    else say(`${amountOf(refunded.credits)} refunded: position ${refunded.position}.`)
  },
)
