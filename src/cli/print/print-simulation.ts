/** Prints what accounts paid, beside what they would have paid under other prices. */

import { subtractSums } from '../../lib/sums.ts'
import type { Compared, Simulation } from '../../reports/simulate/simulation-shape.ts'
import {
  asCredits,
  type Cell,
  dim,
  formatMoney,
  formatNumber,
  heading,
  say,
  table,
  yellow,
} from '../output.ts'

export function printSimulation({
  from,
  to,
  tariff,
  owners,
  totals,
  unpriced,
  final,
}: Simulation): void {
  heading(`${from === to ? from : `${from} to ${to}`} under tariff ${tariff.slice(0, 12)}`)
  const currencies = [...new Set(totals.fees.map(({ currency }) => currency))]
  const heads = ['Credits', 'Would be', 'Difference']
  table(
    [
      'Account',
      'Owner',
      ...heads,
      ...currencies.flatMap((of) => [`Fees ${of}`, 'Would be']),
      'Written',
    ],
    [
      ...owners.map((owner) => [
        ...[owner.accountId, owner.owner, ...cells(owner, currencies)],
        owner.committed.join(' '),
      ]),
      ['Total', '', ...cells(totals, currencies), ''],
    ],
  )
  for (const { endpoint, calls } of unpriced) {
    say(
      yellow(
        `${formatNumber(calls)} ${calls === 1 ? 'call' : 'calls'} of ${endpoint} cannot be priced again, and keep their charge.`,
      ),
    )
  }
  if (!final) say(dim('Not final.'))
}

function cells({ credits, fees }: Compared, currencies: readonly string[]): Cell[] {
  const { actual, simulated } = credits
  return [
    ...[actual, simulated, subtractSums(simulated, actual)].map(asCredits),
    ...currencies.flatMap((currency) => {
      const of = fees.find((fee) => fee.currency === currency) ?? { actual: 0, simulated: 0 }
      return [of.actual, of.simulated].map((minorUnits) => formatMoney({ minorUnits, currency }))
    }),
  ]
}
