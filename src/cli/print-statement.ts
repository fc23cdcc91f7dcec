/** A statement as tables. */
import type { ChargeSum, Charges } from '../reports/charges.ts'
import type { Movements } from '../reports/lot-movements.ts'
import type { Positions } from '../reports/positions.ts'
import type { AccountPart, Statement } from '../reports/statement-shape.ts'
import { bold, type Cell, dim, heading, money, number, table, time } from './output.ts'

export function printStatement(statement: Statement): void {
  const { account, charges } = statement
  printHead(statement)
  if (account) {
    printPlans(account)
    printLots(account, statement.until)
  }
  printCharges(charges)
  rows('Refunds', ['Time (UTC)', 'Endpoint', 'Request', 'Key', 'Credits', 'Position'], {
    of: statement.refunds,
    row: (line) => [
      time(line.time),
      line.endpoint,
      line.requestId,
      line.keyId,
      line.credits,
      line.position,
    ],
  })
  rows('Held for calls that are not finished', [...callHeads, 'Credits', 'Position'], {
    of: statement.held,
    row: (line) => [
      time(line.time),
      line.endpoint,
      line.requestId,
      line.keyId,
      line.credits,
      line.position,
    ],
  })
  if (account) printRest(account)
  if (charges.lines) printLines(charges.lines)
}

const callHeads = ['Time (UTC)', 'Endpoint', 'Request', 'Key']

function printHead(statement: Statement): void {
  const { accountId, keyId, mode, month, account } = statement
  const whose = keyId === null ? accountId : `key ${keyId} of ${accountId}`
  const owner = account?.owner ? ` (${account.owner.kind} ${account.owner.id})` : ''
  console.log(
    bold(`Statement of ${whose}${owner}, ${month}${mode === 'test' ? ', test mode' : ''}`),
  )
  console.log(dim(standing(statement)))
}

function standing({ final, held, from, until, through }: Statement): string {
  const range = `${time(from)} to ${time(until)} UTC, up to position ${through ?? 'none'}`
  if (final) return `${range}. Final.`
  if (held.length === 0) return `${range}. Not final.`
  const calls =
    held.length === 1 ? '1 call of the month is' : `${number(held.length)} calls of the month are`
  return `${range}. Not final: ${calls} not finished.`
}

function printPlans({ plans, fee }: AccountPart): void {
  rows('Plan', ['Plan', 'From (UTC)', 'Until (UTC)', 'Fee', 'Position'], {
    of: plans,
    row: (plan) => [
      plan.plan,
      time(plan.from),
      plan.until === null ? '' : time(plan.until),
      money(plan.fee),
      plan.position,
    ],
  })
  if (fee) console.log(`Billed: ${bold(money(fee))} for ${fee.plan}, net.`)
}

const movementHeads = [
  'Opening',
  'Granted',
  'Refunded',
  'Settled',
  'Adjusted',
  'Lapsed',
  'Held',
  'Closing',
]

function printLots({ lots, totals }: AccountPart, until: string): void {
  heading('Credits')
  table(
    ['Lot', 'Kind', 'Expires (UTC)', ...movementHeads],
    [
      ...lots.map((lot) => [
        lot.lot,
        lot.kind,
        lot.expiresAt === null ? 'never' : time(lot.expiresAt),
        ...movements(lot),
      ]),
      ['Total', '', '', ...movements(totals)],
    ],
  )
  const late = lots.filter((lot) => lot.expiresAt !== null && lot.expiresAt <= until)
  const credits = late.reduce((sum, lot) => sum + lot.closing, 0)
  if (credits > 0) {
    console.log(
      dim(`${number(credits)} of the closing were held when their lot expired, and lapsed later.`),
    )
  }
}

function movements(of: Movements): Cell[] {
  return [
    of.opening,
    of.granted,
    of.refunded,
    of.settled,
    of.adjusted,
    of.lapsed,
    of.held,
    of.closing,
  ]
}

function printCharges({ byEndpoint, byDay, calls, credits }: Charges): void {
  heading('Charges')
  if (calls === 0) {
    console.log(dim('No calls.'))
    return
  }
  table(
    ['Endpoint', ...sumHeads],
    [...byEndpoint.map((sum) => [sum.endpoint, ...sumCells(sum)]), ['Total', calls, null, credits]],
  )
  heading('Charges by day')
  table(
    ['Day', 'Endpoint', ...sumHeads],
    byDay.map((sum) => [sum.day, sum.endpoint, ...sumCells(sum)]),
  )
}

const sumHeads = ['Calls', 'Quantity', 'Credits', 'Positions']

function sumCells({ calls, quantity, credits, positions }: ChargeSum): Cell[] {
  return [calls, quantity, credits, printPositions(positions)]
}

function printPositions({ count, first, last }: Positions): string {
  return count === 1 ? first : `${first} … ${last}`
}

function printRest({ grants, adjustments, lapses, debt }: AccountPart): void {
  rows('Grants', ['Time (UTC)', 'Kind', 'Credits', 'Expires (UTC)', 'Paid', 'Id', 'Position'], {
    of: grants,
    row: (line) => [
      time(line.time),
      line.kind,
      line.credits,
      line.expiresAt === null ? 'never' : time(line.expiresAt),
      line.paid ? money(line.paid) : '',
      line.externalId ?? '',
      line.position,
    ],
  })
  rows('Adjustments', ['Time (UTC)', 'Credits', 'Id', '', 'Position'], {
    of: adjustments,
    row: (line) => [
      time(line.time),
      line.credits,
      line.externalId ?? '',
      line.repaysDebt ? 'repays a debt' : '',
      line.position,
    ],
  })
  rows('Lapsed', ['Time (UTC)', 'Lot', 'Credits', '', 'Positions'], {
    of: lapses,
    row: (line) => [
      time(line.time),
      line.lot,
      line.credits,
      line.because === 'expired' ? 'unused' : 'returned after the expiry',
      line.positions.join(' '),
    ],
  })
  rows('Debts', ['Time (UTC)', 'Credits', 'Id', 'Position'], {
    of: debt.lines,
    row: (line) => [time(line.time), line.credits, line.externalId ?? '', line.position],
  })
  if (debt.closing > 0) console.log(`Owed: ${number(debt.closing)} credits.`)
}

function printLines(lines: NonNullable<Charges['lines']>): void {
  rows('Charges one by one', [...callHeads, 'Quantity', 'Credits', 'Tariff', 'Position'], {
    of: lines,
    row: (line) => [
      time(line.time),
      line.endpoint,
      line.requestId,
      line.keyId,
      line.quantity,
      line.credits,
      line.tariff.slice(0, 12),
      line.position,
    ],
  })
}

/** A table with its heading; nothing when it has no rows. */
function rows<T>(
  title: string,
  heads: readonly string[],
  { of, row }: { of: readonly T[]; row: (line: T) => Cell[] },
): void {
  if (of.length === 0) return
  heading(title)
  table(heads, of.map(row))
}
