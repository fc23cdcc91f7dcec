/** `tollbook prices publish` */
import { loadConfig } from '../../../config/load-config.ts'
import { type Tariff, tariffHash, tariffOf } from '../../../config/tariff.ts'
import { printable } from '../../../lib/printable-text.ts'
import { command } from '../../command.ts'
import { withLedger } from '../../open-ledger.ts'
import { ledgerArgs } from '../../options/ledger-args.ts'
import { parseTime } from '../../options/option-values.ts'
import { json, say, time } from '../../output.ts'
import { unwrap } from '../../refusal-error.ts'
import { requireSameScale } from '../../require-same-scale.ts'
import { readComparableTariff } from '../../tariff-in-force.ts'
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
    }
    const ledger = { ...args, config: args.file }
    const published = await withLedger(ledger, async ({ sql, management }) => {
      await requireSameScale(sql, tariff, args.file)
      // Publishing what is in force would only add an event. With --from it has an effect: it takes back the tariff that
      // was announced for that time.
      const { inForce, before } = await readComparableTariff(sql)
      if (args.from === undefined && inForce === hash) return undefined
      if (!args.yes) requireAllThere(before, tariff, args.file)
      return unwrap(await management.publishTariff(tariff, options, { id: 'cli' }))
    })
    if (args.json) return json(published ?? { hash, alreadyInForce: true, positions: [] })
    if (!published) return say(`Nothing to publish: ${args.file} is what is in force.`)
    const { from, positions } = published
    say(`Tariff ${hash} is published, in force from ${time(from)} UTC: ${positions.join(', ')}.`)
  },
)

/** @throws UsageError that names the plans, prices and packs in force that the file does not have */
function requireAllThere(before: Tariff, after: Tariff, file: string): void {
  const lines = [
    { of: 'plans', names: gone(before.plans, after.plans) },
    { of: 'prices of routes', names: gone(before.prices, after.prices) },
    { of: 'packs', names: gone(before.packs, after.packs) },
  ].flatMap(({ of, names }) =>
    names.length > 0 ? [`${of}: ${names.map(printable).join(', ')}`] : [],
  )
  if (lines.length === 0) return
  throw new UsageError(
    `${file} does not have all that is in force. These would disappear, and calls that need them would be refused:\n  ${lines.join('\n  ')}\nNothing was published. Is it the file that the gateways run with? Pass --yes to confirm.`,
  )
}

function gone(before: object = {}, after: object = {}): string[] {
  return Object.keys(before).filter((name) => !Object.hasOwn(after, name))
}
