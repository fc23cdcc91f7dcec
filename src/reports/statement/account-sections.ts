/** The sections of a statement that only an account's has. */
import { asCredits, type CreditScale, creditsText, formatCredits } from '../../lib/credit-scale.ts'
import { formatMoney } from '../../lib/format-figures.ts'
import { addSums, compareSums } from '../../lib/sums.ts'
import type { Movements } from './lot-movements.ts'
import type { MonthFee } from './plan-periods.ts'
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
    notes: fee ? [`Billed: ${formatMoney(fee)} for ${fee.plan}${billedDays(fee)}, net.`] : [],
  })
}

/** @param scale how credits are shown */
export function overageSections(
  { overage }: AccountPart,
  scale: CreditScale | undefined,
): Section[] {
  return table('Overage', ['Lot', 'Credits', 'Fee', 'Billed, net'], {
    lines: overage,
    row: ({ lot, credits, fee, per, billed }) => [
      lot,
      asCredits(credits),
      `${formatMoney(fee)} for each started ${creditsText(per, scale)}`,
      formatMoney(billed),
    ],
  })
}

function billedDays({ prorated }: MonthFee): string {
  return prorated ? `, ${prorated.days} of ${prorated.of} days` : ''
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
  { lots, totals, rolledOver }: AccountPart,
  { at, head }: ZoneClock,
  until: string,
  scale: CreditScale | undefined,
): Section {
  const expired = lots.filter((lot) => lot.expiresAt !== null && lot.expiresAt <= until)
  const credits = addSums(...expired.map((lot) => lot.closing))
  const cells = (of: Movements) => movementColumns.map(([, column]) => asCredits(of[column]))
  return {
    title: 'Credits',
    heads: ['Lot', 'Kind', head('Expires'), ...movementColumns.map(([name]) => name)],
    rows: lots.map((lot) => [lot.lot, lot.kind, expiry(lot.expiresAt, at), ...cells(lot)]),
    total: ['Total', '', '', ...cells(totals)],
    notes: [
      ...(compareSums(rolledOver, 0) > 0
        ? [`${formatCredits(rolledOver, scale)} rolled over from earlier months.`]
        : []),
      ...(compareSums(credits, 0) > 0
        ? [
            `${formatCredits(credits, scale)} of the closing were held when their lot expired, and lapsed later.`,
          ]
        : []),
    ],
  }
}

/** Everything but calls that moved credits. */
export function movementSections(
  account: AccountPart,
  clock: ZoneClock,
  scale: CreditScale | undefined,
): Section[] {
  return [
    ...grantSections(account, clock),
    ...adjustmentSections(account, clock),
    ...lapseSections(account, clock),
    ...debtSections(account, clock, scale),
  ]
}

function grantSections({ grants }: AccountPart, { at, head }: ZoneClock): Section[] {
  const heads = [head('Time'), 'Kind', 'Credits', head('Expires'), 'Paid', 'Id', 'Position']
  return table('Grants', heads, {
    lines: grants,
    row: (line) => [
      at(line.time),
      line.kind,
      asCredits(line.credits),
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
      asCredits(line.credits),
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
      asCredits(line.credits),
      lapseText[line.because],
      line.positions.join(' '),
    ],
  })
}

const lapseText = {
  expired: 'unused',
  returned: 'returned after the expiry',
  rollover: 'more than rolls over',
} as const

function debtSections(
  { debt }: AccountPart,
  { at, head }: ZoneClock,
  scale: CreditScale | undefined,
): Section[] {
  const notes =
    compareSums(debt.closing, 0) > 0 ? [`Owed: ${creditsText(debt.closing, scale)}.`] : []
  // A debt of an earlier month is owed without a line of its own.
  if (debt.lines.length === 0 && notes.length > 0) {
    return [{ title: 'Debts', heads: [], rows: [], notes }]
  }
  return table('Debts', [head('Time'), 'Credits', 'Id', 'Position'], {
    lines: debt.lines,
    row: (line) => [at(line.time), asCredits(line.credits), line.externalId ?? '', line.position],
    notes,
  })
}

function expiry(expiresAt: string | null, at: ZoneClock['at']): Cell {
  return expiresAt === null ? 'never' : at(expiresAt)
}
