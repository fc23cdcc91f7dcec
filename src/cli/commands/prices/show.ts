/** `tollbook prices show` */

import { readCurrentTariffs, readTariffInForce } from '../../../ledger/read/read-tariffs.ts'
import { printable } from '../../../lib/printable-text.ts'
import { command } from '../../command.ts'
import { withSql } from '../../open-ledger.ts'
import { ledgerArgs } from '../../options/ledger-args.ts'
import { bold, dim, json, say, time } from '../../output.ts'
import { printTariff } from '../../print/print-tariff.ts'
import { UsageError } from '../../usage-error.ts'

const args = { ...ledgerArgs } as const

export default command(
  { description: 'Print the prices and plans in force, and those announced for later.' },
  args,
  async (args) => {
    const { tariffs, inForce } = await withSql(args, async (sql) => ({
      tariffs: await readCurrentTariffs(sql),
      inForce: await readTariffInForce(sql),
    }))
    if (tariffs.length === 0) {
      throw new UsageError('no tariff is in the ledger yet: "tollbook prices publish FILE".')
    }
    if (args.json) return json({ inForce, tariffs })
    tariffs.forEach((tariff, i) => {
      const from = `${time(tariff.from.toISOString())} UTC`
      const state = i === 0 && tariff.hash === inForce ? 'In force since' : 'Announced, from'
      say(`${i === 0 ? '' : '\n'}${bold(`${state} ${from}`)}`)
      say(dim(`Tariff ${tariff.hash}`))
      if (tariff.notice) say(printable(tariff.notice))
      printTariff(tariff)
    })
  },
)
