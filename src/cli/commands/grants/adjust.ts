/** `tollbook grants adjust` */

import { cliActor } from '../../cli-actor.ts'
import { command } from '../../command.ts'
import { withLedger } from '../../open-ledger.ts'
import {
  amountOf,
  creditArgs,
  creditsOf,
  externalIdArg,
  externalIdOf,
  testArg,
} from '../../options/credit-args.ts'
import { changeArgs } from '../../options/ledger-args.ts'
import { creditFigure, json, say } from '../../output.ts'
import { unwrap } from '../../refusal-error.ts'

const args = { ...creditArgs, ...testArg, ...externalIdArg, ...changeArgs } as const

export default command(
  {
    description:
      'Take credits away. What exceeds the available credits is owed, and taken from the next credits that are granted or become free.',
    examples: ['grants adjust acc_… 200 --external-id correction-12 --reason "granted twice"'],
  },
  args,
  async (args) => {
    const adjustment = {
      mode: args.test ? ('test' as const) : ('live' as const),
      ...externalIdOf(args['external-id']),
    }
    const adjusted = await withLedger(args, async ({ management }) => {
      const taken = { ...adjustment, credits: creditsOf(args.credits) }
      return unwrap(await management.adjust(args.account, taken, cliActor(args)))
    })
    if (args.json) return json(adjusted)
    const owed = adjusted.debt > 0 ? `, ${creditFigure(adjusted.debt)} owed` : ''
    const positions = `${adjusted.positions.length === 1 ? 'position' : 'positions'} ${adjusted.positions.join(', ')}`
    say(`${amountOf(adjusted.taken)} taken${owed}: ${positions}.`)
  },
)
