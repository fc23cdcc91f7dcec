/** `tollbook prices publish` */
import { loadConfig } from '../../../config/load-config.ts'
import { type Tariff, tariffHash, tariffOf } from '../../../config/tariff.ts'
import { isRefused, type Refused } from '../../../management/decision.ts'
import { command } from '../../command.ts'
import { withLedger } from '../../open-ledger.ts'
import { ledgerArgs } from '../../options/ledger-args.ts'
import { parseTime } from '../../options/option-values.ts'
import { plainActor, plainReasonArg } from '../../options/plain-reason.ts'
import { json, say, time } from '../../output.ts'
import { refusalError } from '../../refusal-error.ts'
import { otherScaleError } from '../../require-same-scale.ts'
import { UsageError } from '../../usage-error.ts'

const args = {
  file: { type: 'positional', required: true, description: 'A file such as tollbook.yaml' },
  from: {
    type: 'string',
    valueHint: 'TIME',
    description: 'When the prices come into force (default: now)',
  },
  notice: {
    type: 'string',
    valueHint: 'TEXT',
    description: 'Text about the change, for customers to read',
  },
  ...plainReasonArg,
  yes: { type: 'boolean', description: 'Confirm that plans or prices disappear' },
  ...ledgerArgs,
} as const

export default command(
  {
    description:
      'Publish the prices and plans of a file into the ledger. They come into force at once, or at a time. Calls in flight keep their price. What is in force and not in the file disappears, which has to be confirmed.',
    examples: [
      'prices publish tollbook.yaml',
      'prices publish 2027.yaml --from 2027-01-01 --notice "Prices change on 1 January."',
    ],
  },
  args,
  async (args) => {
    const tariff = tariffOf(loadConfig({ file: args.file, env: process.env }))
    const hash = tariffHash(tariff)
    const options = {
      ...(args.from !== undefined && {
        from: parseTime('--from', args.from, 'future', new Date()).toISOString(),
      }),
      ...(args.notice !== undefined && { notice: args.notice }),
      mayDrop: args.yes === true,
    }
    const actor = plainActor(args)
    const ledger = { ...args, config: args.file }
    const published = await withLedger(ledger, async ({ management }) => {
      const published = await management.publishTariff(tariff, options, actor)
      if (isRefused(published)) throw refusedFor(tariff, args.file, published)
      return published
    })
    const { from, positions } = published
    const isInForce = positions.length === 0
    if (args.json) return json(isInForce ? { hash, alreadyInForce: true, positions } : published)
    if (isInForce) return say(`Nothing to publish: ${args.file} is what is in force.`)
    say(`Tariff ${hash} is published, in force from ${time(from)} UTC: ${positions.join(', ')}.`)
  },
)

/** What the file has to do with it is said, too. */
function refusedFor(tariff: Tariff, file: string, refusal: Refused): UsageError {
  const { refused, dropped, expected = '' } = refusal
  if (refused === 'would_drop') return new UsageError(disappearing(file, dropped))
  return refused === 'scale_changed'
    ? otherScaleError(expected, tariff, file)
    : refusalError(refusal)
}

function disappearing(file: string, dropped: readonly string[] = []): string {
  return `${file} does not have all that is in force. These would disappear, and calls that need them would be refused:\n  ${dropped.join('\n  ')}\nNothing was published. Is it the file that the gateways run with? Pass --yes to confirm.`
}
