/** The sections of a statement that only an account's has. */
import { formatMoney, formatNumber } from '../../lib/format-figures.ts'
import { addSums, compareSums, figureOf } from '../../lib/sums.ts'
import type { Movements } from './lot-movements.ts'
import { type Cell, type Section, table, type ZoneClock } from './statement-section.ts'
import type { AccountPart } from './statement-shape.ts'

export function planSections({ plans, fee }: AccountPart, { at, head }: ZoneClock): Section[] {
  return table('Plan', ['Plan', head('From'), head('Until'), 'Fee', 'Position'], {
    lines: plans,
    row: (plan) => [
      plan.plan,
      at(plan.from),
      plan.until === null ? '' : at(plan.until),
      formatMoney(plan.fee),
      plan.position,
    ],
    notes: fee ? [`Billed: ${formatMoney(fee)} for ${fee.plan}, net.`] : [],
  })
}

const movementColumns = [
  ['Opening', 'opening'],
  ['Granted', 'granted'],
  ['Refunded', 'refunded'],
  ['Settled', 'settled'],
  ['Adjusted', 'adjusted'],
  ['Lapsed', 'lapsed'],
  ['Held', 'held'],
  ['Closing', 'closing'],
] as const satisfies readonly (readonly [string, keyof Movements])[]

/** @param until the end of what the statement covers, ISO 8601 */
export function lotSection(
  { lots, totals }: AccountPart,
  { at, head }: ZoneClock,
  until: string,
): Section {
  const expired = lots.filter((lot) => lot.expiresAt !== null && lot.expiresAt <= until)
  const credits = addSums(...expired.map((lot) => lot.closing))
  const cells = (of: Movements) => movementColumns.map(([, column]) => figureOf(of[column]))
  return {
    title: 'Credits',
    heads: ['Lot', 'Kind', head('Expires'), ...movementColumns.map(([name]) => name)],
    rows: lots.map((lot) => [lot.lot, lot.kind, expiry(lot.expiresAt, at), ...cells(lot)]),
    total: ['Total', '', '', ...cells(totals)],
    notes:
      compareSums(credits, 0) > 0
        ? [
            `${formatNumber(credits)} of the closing were held when their lot expired, and lapsed later.`,
          ]
        : [],
  }
}

/** Everything but calls that moved credits. */
export function movementSections(account: AccountPart, clock: ZoneClock): Section[] {
  return [
    ...grantSections(account, clock),
    ...adjustmentSections(account, clock),
    ...lapseSections(account, clock),
    ...debtSections(account, clock),
  ]
}

function grantSections({ grants }: AccountPart, { at, head }: ZoneClock): Section[] {
  const heads = [head('Time'), 'Kind', 'Credits', head('Expires'), 'Paid', 'Id', 'Position']
  return table('Grants', heads, {
    lines: grants,
    row: (line) => [
      at(line.time),
      line.kind,
      line.credits,
      expiry(line.expiresAt, at),
      line.paid ? formatMoney(line.paid) : '',
      line.externalId ?? '',
      line.position,
    ],
  })
}

function adjustmentSections({ adjustments }: AccountPart, { at, head }: ZoneClock): Section[] {
  return table('Adjustments', [head('Time'), 'Credits', 'Id', '', 'Position'], {
    lines: adjustments,
    row: (line) => [
      at(line.time),
      line.credits,
      line.externalId ?? '',
      line.repaysDebt ? 'repays a debt' : '',
      line.position,
    ],
  })
}

function lapseSections({ lapses }: AccountPart, { at, head }: ZoneClock): Section[] {
  return table('Lapsed', [head('Time'), 'Lot', 'Credits', '', 'Positions'], {
    lines: lapses,
    row: (line) => [
      at(line.time),
      line.lot,
      figureOf(line.credits),
      line.because === 'expired' ? 'unused' : 'returned after the expiry',
      line.positions.join(' '),
    ],
  })
}

function debtSections({ debt }: AccountPart, { at, head }: ZoneClock): Section[] {
  const notes =
    compareSums(debt.closing, 0) > 0 ? [`Owed: ${formatNumber(debt.closing)} credits.`] : []
  // A debt of an earlier month is owed without a line of its own.
  if (debt.lines.length === 0 && notes.length > 0) {
    return [{ title: 'Debts', heads: [], rows: [], notes }]
  }
  return table('Debts', [head('Time'), 'Credits', 'Id', 'Position'], {
    lines: debt.lines,
    row: (line) => [at(line.time), line.credits, line.externalId ?? '', line.position],
    notes,
  })
}

function expiry(expiresAt: string | null, at: ZoneClock['at']): Cell {
  return expiresAt === null ? 'never' : at(expiresAt)
}
