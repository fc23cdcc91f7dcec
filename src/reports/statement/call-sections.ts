/** The sections of a statement that are about calls. */
import { asCredits, type CreditScale, formatPartsOfCredits } from '../../lib/credit-scale.ts'
import { figureOf } from '../../lib/sums.ts'
import { printPositionRange } from '../log-reader/position-tally.ts'
import type { ChargeLine, ChargeSum, Charges } from './charge-lines.ts'
import { type Cell, type Section, table, type ZoneClock } from './statement-section.ts'
import type { HeldLine, RefundLine } from './statement-shape.ts'

const sumHeads = ['Calls', 'Quantity', 'Credits', 'Positions']

/** @param scale how credits are shown */
export function chargeSections(
  { byEndpoint, byDay, byComponent, calls, credits }: Charges,
  scale: CreditScale | undefined,
): Section[] {
  if (calls === 0) return [{ title: 'Charges', heads: [], rows: [], notes: ['No calls.'] }]
  return [
    {
      title: 'Charges',
      heads: ['Endpoint', ...sumHeads],
      rows: byEndpoint.map((sum) => [sum.endpoint, ...sumCells(sum)]),
      total: ['Total', figureOf(calls), null, asCredits(credits)],
      notes: [],
    },
    ...table('Charges by component', ['Endpoint', 'Component', 'Rate', 'Quantity', 'Amount'], {
      lines: byComponent ?? [],
      row: ({ endpoint, component, by, quantity, amount }) => [
        endpoint,
        component ?? 'rounding',
        by ?? '',
        quantity === null ? null : figureOf(quantity),
        formatPartsOfCredits(amount, scale),
      ],
    }),
    {
      title: 'Charges by day',
      heads: ['Day', 'Endpoint', ...sumHeads],
      rows: byDay.map((sum) => [sum.day, sum.endpoint, ...sumCells(sum)]),
      notes: [],
    },
  ]
}

export function callSections(
  title: string,
  lines: readonly (RefundLine | HeldLine)[],
  clock: ZoneClock,
): Section[] {
  return table(title, [...callHeads(clock), 'Credits', 'Position'], {
    lines,
    row: (line) => [...callCells(line, clock), asCredits(line.credits), line.position],
  })
}

export function chargeLineSections(lines: readonly ChargeLine[], clock: ZoneClock): Section[] {
  const heads = [...callHeads(clock), 'Quantity', 'Credits', 'Tariff', 'Position']
  return table('Charges one by one', heads, {
    lines,
    row: (line) => [
      ...callCells(line, clock),
      line.quantity,
      asCredits(line.credits),
      line.tariff.slice(0, 12),
      line.position,
    ],
  })
}

function sumCells({ calls, quantity, credits, positions }: ChargeSum): Cell[] {
  return [figureOf(calls), figureOf(quantity), asCredits(credits), printPositionRange(positions)]
}

function callHeads({ head }: ZoneClock): string[] {
  return [head('Time'), 'Endpoint', 'Request', 'Key']
}

function callCells(
  { time, endpoint, requestId, keyId }: RefundLine | HeldLine | ChargeLine,
  { at }: ZoneClock,
): Cell[] {
  return [at(time), endpoint ?? 'lease', requestId, keyId]
}
