/** `tollbook grants adjust` */

import { command } from '../../command.ts'
import { changeArgs, cliActor, unwrap, withLedger } from '../../open-ledger.ts'
import {
  creditArgs,
  creditsOf,
  externalIdArg,
  externalIdOf,
  testArg,
} from '../../options/credit-args.ts'
import { credits, formatNumber, json } from '../../output.ts'

const args = { ...creditArgs, ...testArg, ...externalIdArg, ...changeArgs } as const

export default command(
  {
    description:
      'Take credits away: at most what is available now; the rest is owed and taken from the next lot.',
    examples: ['grants adjust acc_… 200 --external-id correction-12 --reason "granted twice"'],
  },
  args,
  async (args) => {
    const adjustment = {
      credits: creditsOf(args.credits),
      mode: args.test ? ('test' as const) : ('live' as const),
      ...externalIdOf(args['external-id']),
    }
    const adjusted = await withLedger(args, async ({ management }) =>
      unwrap(await management.adjust(args.account, adjustment, cliActor(args))),
    )
    if (args.json) return json(adjusted)
    const owed = adjusted.debt > 0 ? `, ${formatNumber(adjusted.debt)} owed` : ''
    const places = `${adjusted.positions.length === 1 ? 'position' : 'positions'} ${adjusted.positions.join(', ')}`
    console.log(`${credits(adjusted.taken)} taken${owed}: ${places}.`)
  },
)
