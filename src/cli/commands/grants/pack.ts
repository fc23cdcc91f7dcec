/** `tollbook grants pack` */

import { cliActor } from '../../cli-actor.ts'
import { command } from '../../command.ts'
import { withLedger } from '../../open-ledger.ts'
import { accountArg } from '../../options/account-arg.ts'
import { amountOf, externalIdArg, externalIdOf, testArg } from '../../options/credit-args.ts'
import { changeArgs } from '../../options/ledger-args.ts'
import { json, say } from '../../output.ts'
import { unwrap } from '../../refusal-error.ts'
import { UsageError } from '../../usage-error.ts'

const args = {
  ...accountArg,
  pack: {
    type: 'positional',
    required: true,
    description: 'Name of a pack in the tariff in force; "prices show" lists them',
  },
  ...testArg,
  ...externalIdArg,
  ...changeArgs,
} as const

export default command(
  {
    description: 'Grant a pack that an account has bought: its credits, as paid, for so many days.',
    examples: ['grants pack acc_… small --external-id order-4711'],
  },
  args,
  async (args) => {
    const { externalId } = externalIdOf(args['external-id'])
    if (externalId === undefined) {
      throw new UsageError('grants pack needs --external-id: the order or payment that it is for.')
    }
    const pack = { pack: args.pack, mode: args.test ? 'test' : 'live', externalId } as const
    const granted = await withLedger(args, async ({ management }) =>
      unwrap(await management.grantPack(args.account, pack, cliActor(args))),
    )
    if (args.json) json(granted)
    else say(`${amountOf(granted.credits)} granted (${args.pack}): lot ${granted.position}.`)
  },
)
