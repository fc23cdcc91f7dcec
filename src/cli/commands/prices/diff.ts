/** `tollbook prices diff` */

import { tariffHash, tariffOf } from '../../../config/tariff.ts'
import { tariffChanges } from '../../../config/tariff-changes.ts'
import { readComparableTariff } from '../../../management/tariff-in-force.ts'
import { command } from '../../command.ts'
import { configOf } from '../../config-of.ts'
import { withSql } from '../../open-ledger.ts'
import { ledgerArgs } from '../../options/ledger-args.ts'
import { dim, json, say, time } from '../../output.ts'
import { printChanges } from '../../print/print-tariff.ts'

const args = {
  file: {
    type: 'positional',
    required: false,
    description: 'Configuration file (default: that of the "tollbook up", or tollbook.yaml)',
  },
  ...ledgerArgs,
} as const

export default command(
  {
    description: 'Print what a file would change in the prices and plans in force.',
    examples: ['prices diff', 'prices diff next-month.yaml'],
  },
  args,
  async (args) => {
    const config = configOf({ ...args, config: args.file })
    const next = tariffOf(config)
    const { inForce, before, announced } = await withSql(args, readComparableTariff)
    const hash = tariffHash(next)
    const changes = tariffChanges(before, next)
    if (args.json) {
      return json({ file: config.file, hash, inForce, changes })
    }
    if (changes.length === 0) say(`${config.file} is what is in force.`)
    else printChanges(changes)
    const same = announced.find((tariff) => tariff.hash === hash)
    if (same) {
      say(dim(`It is announced, from ${time(same.from.toISOString())} UTC.`))
    }
  },
)
