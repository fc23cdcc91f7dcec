/** A statement as people read it: what its tables are and what stands in them, on whatever medium. */

import { formatMoney, formatNumber } from '../../lib/format-figures.ts'
import { localTime } from '../log-reader/period.ts'
import type { Positions } from '../log-reader/position-tally.ts'
import type { ChargeSum, Charges } from './charge-lines.ts'
import type { Movements } from './lot-movements.ts'
import type { AccountPart, HeldLine, RefundLine, Statement } from './statement-shape.ts'

export interface Section {
  readonly title: string
  readonly heads: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
  /** The last row, where the table has one that adds up the others. */
  readonly total?: readonly Cell[]
  readonly notes: readonly string[]
}

/** A number is a figure; null an empty cell. */
export type Cell = string | number | null

/** `Statement of acc_… (user anna), 2026-10` */
export function titleOf({ accountId, keyId, mode, account, ...of }: Statement): string {
  const whose = keyId === null ? accountId : `key ${keyId} of ${accountId}`
  const owner = account?.owner ? ` (${account.owner.kind} ${account.owner.id})` : ''
  return `Statement of ${whose}${owner}, ${of.day ?? of.month}${mode === 'test' ? ', test mode' : ''}`
}

/** From when to when, up to which position, and whether it can still change. */
export function subtitle(statement: Statement): string {
  const { final, held, from, until, through, timeZone, asOf } = statement
  const at = (time: string) => localTime(time, timeZone)
  const then = asOf ? ` As of position ${asOf.position}, ${at(asOf.time)}.` : ''
  const range = `${at(from)} to ${at(until)} ${timeZone}, up to position ${through ?? 'none'}.${then}`
  if (final) return `${range} Final.`
  if (held.length === 0) return `${range} Not final.`
  const span = statement.day === undefined ? 'month' : 'day'
  const calls =
    held.length === 1
      ? `1 call of the ${span} is`
      : `${formatNumber(held.length)} calls of the ${span} are`
  return `${range} Not final: ${calls} not finished.`
}

/** Those that have something to say, in their order. */
export function sectionsOf(statement: Statement): Section[] {
  const { account, charges, refunds, held, until } = statement
  const at = (time: string) => localTime(time, statement.timeZone)
  const clock: Clock = { at, head: (what) => `${what} (${statement.timeZone})` }
  return [
    ...(account ? [...plans(account, clock), lots(account, clock, until)] : []),
    ...chargeSums(charges),
    ...calls('Refunds', refunds, clock),
    ...calls('Held for calls that are not finished', held, clock),
    ...(account ? movementsOf(account, clock) : []),
    ...(charges.lines ? lines(charges.lines, clock) : []),
  ]
}

interface Clock {
  /** A time as the statement's zone has it. */
  at(time: string): string
  head(what: string): string
}

function plans({ plans, fee }: AccountPart, { at, head }: Clock): Section[] {
  return table('Plan', ['Plan', head('From'), head('Until'), 'Fee', 'Position'], {
    of: plans,
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

function lots({ lots, totals }: AccountPart, { at, head }: Clock, until: string): Section {
  const late = lots.filter((lot) => lot.expiresAt !== null && lot.expiresAt <= until)
  const credits = late.reduce((sum, lot) => sum + lot.closing, 0)
  return {
    title: 'Credits',
    heads: ['Lot', 'Kind', head('Expires'), ...movementHeads],
    rows: lots.map((lot) => [
      lot.lot,
      lot.kind,
      lot.expiresAt === null ? 'never' : at(lot.expiresAt),
      ...movements(lot),
    ]),
    total: ['Total', '', '', ...movements(totals)],
    notes:
      credits > 0
        ? [
            `${formatNumber(credits)} of the closing were held when their lot expired, and lapsed later.`,
          ]
        : [],
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

function chargeSums({ byEndpoint, byDay, calls, credits }: Charges): Section[] {
  if (calls === 0) return [{ title: 'Charges', heads: [], rows: [], notes: ['No calls.'] }]
  return [
    {
      title: 'Charges',
      heads: ['Endpoint', ...sumHeads],
      rows: byEndpoint.map((sum) => [sum.endpoint, ...sumCells(sum)]),
      total: ['Total', calls, null, credits],
      notes: [],
    },
    {
      title: 'Charges by day',
      heads: ['Day', 'Endpoint', ...sumHeads],
      rows: byDay.map((sum) => [sum.day, sum.endpoint, ...sumCells(sum)]),
      notes: [],
    },
  ]
}

const sumHeads = ['Calls', 'Quantity', 'Credits', 'Positions']

function sumCells({ calls, quantity, credits, positions }: ChargeSum): Cell[] {
  return [calls, quantity, credits, printRange(positions)]
}

/** `0-9 … 0-13` */
export function printRange({ count, first, last }: Positions): string {
  return count === 1 ? first : `${first} … ${last}`
}

function calls(title: string, of: readonly (RefundLine | HeldLine)[], clock: Clock): Section[] {
  return table(title, [...callHeads(clock), 'Credits', 'Position'], {
    of,
    row: (line) => [...callCells(line, clock), line.credits, line.position],
  })
}

function lines(of: NonNullable<Charges['lines']>, clock: Clock): Section[] {
  const heads = [...callHeads(clock), 'Quantity', 'Credits', 'Tariff', 'Position']
  return table('Charges one by one', heads, {
    of,
    row: (line) => [
      ...callCells(line, clock),
      line.quantity,
      line.credits,
      line.tariff.slice(0, 12),
      line.position,
    ],
  })
}

function callHeads({ head }: Clock): string[] {
  return [head('Time'), 'Endpoint', 'Request', 'Key']
}

function callCells(
  line: { time: string; endpoint: string | null; requestId: string; keyId: string },
  { at }: Clock,
): Cell[] {
  return [at(line.time), line.endpoint ?? 'lease', line.requestId, line.keyId]
}

function movementsOf({ grants, adjustments, lapses, debt }: AccountPart, clock: Clock): Section[] {
  const { at, head } = clock
  const owed = debt.closing > 0 ? [`Owed: ${formatNumber(debt.closing)} credits.`] : []
  return [
    ...table(
      'Grants',
      [head('Time'), 'Kind', 'Credits', head('Expires'), 'Paid', 'Id', 'Position'],
      {
        of: grants,
        row: (line) => [
          at(line.time),
          line.kind,
          line.credits,
          line.expiresAt === null ? 'never' : at(line.expiresAt),
          line.paid ? formatMoney(line.paid) : '',
          line.externalId ?? '',
          line.position,
        ],
      },
    ),
    ...table('Adjustments', [head('Time'), 'Credits', 'Id', '', 'Position'], {
      of: adjustments,
      row: (line) => [
        at(line.time),
        line.credits,
        line.externalId ?? '',
        line.repaysDebt ? 'repays a debt' : '',
        line.position,
      ],
    }),
    ...table('Lapsed', [head('Time'), 'Lot', 'Credits', '', 'Positions'], {
      of: lapses,
      row: (line) => [
        at(line.time),
        line.lot,
        line.credits,
        line.because === 'expired' ? 'unused' : 'returned after the expiry',
        line.positions.join(' '),
      ],
    }),
    ...table('Debts', [head('Time'), 'Credits', 'Id', 'Position'], {
      of: debt.lines,
      row: (line) => [at(line.time), line.credits, line.externalId ?? '', line.position],
      notes: owed,
    }),
    // A debt of an earlier month is owed without a line of its own.
    ...(debt.lines.length === 0 && owed.length > 0
      ? [{ title: 'Debts', heads: [], rows: [], notes: owed }]
      : []),
  ]
}

/** A table with its heading; none when it has no rows. */
function table<T>(
  title: string,
  heads: readonly string[],
  { of, row, notes = [] }: { of: readonly T[]; row: (line: T) => Cell[]; notes?: string[] },
): Section[] {
  return of.length === 0 ? [] : [{ title, heads, rows: of.map(row), notes }]
}
