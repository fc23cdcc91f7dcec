/** `tollbook prices publish` */
import { loadConfig } from '../../../config/load-config.ts'
import { tariffHash, tariffOf } from '../../../config/tariff.ts'
import { readTariffInForce } from '../../../ledger/read/read-tariffs.ts'
import { command } from '../../command.ts'
import { withLedger } from '../../open-ledger.ts'
import { ledgerArgs } from '../../options/ledger-args.ts'
import { parseTime } from '../../options/option-values.ts'
import { json, say, time } from '../../output.ts'
import { unwrap } from '../../refusal-error.ts'

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
  ...ledgerArgs,
} as const

export default command(
  {
    description:
      'Publish the prices and plans of a file into the ledger. They come into force at once, or at a time. Calls in flight keep their price.',
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
    }
    const ledger = { ...args, config: args.file }
    const published = await withLedger(ledger, async ({ sql, management }) => {
      // Publishing what is in force would only add an event. With --from it has an effect: it takes back the tariff that
      // was announced for that time.
      if (args.from === undefined && (await readTariffInForce(sql)) === hash) return undefined
      return unwrap(await management.publishTariff(tariff, options, { id: 'cli' }))
    })
    if (args.json) return json(published ?? { hash, alreadyInForce: true, positions: [] })
    if (!published) return say(`Nothing to publish: ${args.file} is what is in force.`)
    const { from, positions } = published
    say(`Tariff ${hash} is published, in force from ${time(from)} UTC: ${positions.join(', ')}.`)
  },
)
