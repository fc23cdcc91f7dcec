/** `tollbook prices diff` */

import { loadConfig } from '../../../config/load-config.ts'
import { type Tariff, tariffHash, tariffOf } from '../../../config/tariff.ts'
import { tariffChanges } from '../../../config/tariff-changes.ts'
import { readCurrentTariffs, readTariffInForce } from '../../../ledger/read/read-tariffs.ts'
import type { PriceRule } from '../../../pricing/price-rule.ts'
import { command } from '../../command.ts'
import { withSql } from '../../open-ledger.ts'
import { ledgerArgs } from '../../options/ledger-args.ts'
import { dim, json, say, time } from '../../output.ts'
import { printChanges } from '../../print/print-tariff.ts'

const args = {
  file: {
    type: 'positional',
    required: false,
    description: 'Configuration file (default: tollbook.yaml)',
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
    const config = loadConfig({ file: args.file, env: process.env })
    const next = tariffOf(config)
    const { tariffs, inForce } = await withSql(args, async (sql) => ({
      tariffs: await readCurrentTariffs(sql),
      inForce: await readTariffInForce(sql),
    }))
    const current = tariffs[0]?.hash === inForce ? tariffs[0] : undefined
    const before: Tariff = current
      ? { plans: current.plans as Tariff['plans'], prices: current.prices as Tariff['prices'] }
      : { plans: {}, prices: {} as Record<string, PriceRule> }
    const hash = tariffHash(next)
    const changes = tariffChanges(before, next)
    if (args.json) {
      return json({ file: config.file, hash, inForce, changes })
    }
    if (changes.length === 0) say(`${config.file} is what is in force.`)
    else printChanges(changes)
    const announced = tariffs.find((tariff) => tariff !== current && tariff.hash === hash)
    if (announced) {
      say(dim(`It is announced, from ${time(announced.from.toISOString())} UTC.`))
    }
  },
)
