/**
 * A statement as the entries of a ledger, for spreadsheets and databases. `credits` is signed, and an account's
 * entries add up to its `closing`: openings, grants and refunds bring credits; charges, adjustments, lapses and open
 * holds take them. A key's statement has no balance, so it has the entries of calls alone. What charges are made of, where prices
 * take them apart, are entries without credits, for the charges have those.
 */
import { addSums, compareSums, type Sum, subtractSums } from '../../lib/sums.ts'
import { printPositionRange } from '../log-reader/position-tally.ts'
import type { ChargeLine, ChargeSum, Charges } from './charge-lines.ts'
import type { ComponentLine } from './component-lines.ts'
import type { AccountPart, Statement } from './statement-shape.ts'

/** Times are ISO 8601 in UTC. A field that does not apply is null. */
interface StatementEntry {
  readonly accountId: string
  readonly keyId: string | null
  readonly mode: string
  readonly month: string
  readonly entry: EntryKind
  readonly time: string | null
  /** `YYYY-MM-DD`, where the entry is the sum of a day. */
  readonly day: string | null
  readonly lot: string | null
  readonly endpoint: string | null
  readonly calls: Sum | null
  readonly quantity: Sum | null
  readonly credits: Sum | null
  /** Credits that became owed (positive) or were repaid (negative). */
  readonly debt: number | null
  /** A plan's fee, what overage is billed (its credits are the entry's quantity), or what a lot cost: net, in minor units of the currency. */
  readonly minorUnits: Sum | null
  readonly currency: string | null
  readonly plan: string | null
  readonly requestId: string | null
  readonly tariff: string | null
  readonly externalId: string | null
  readonly positions: string | null
  /** A component of a price, or `rounding`. */
  readonly component: string | null
  /** The name in the price's table. */
  readonly rate: string | null
  /** Credits with six decimals, signed: those of an endpoint add up to the credits of its charges. */
  readonly amount: string | null
}

type EntryKind =
  | 'fee'
  | 'overage'
  | 'opening'
  | 'grant'
  | 'refund'
  | 'charge'
  | 'component'
  | 'adjustment'
  | 'lapse'
  | 'held'
  | 'closing'
  | 'debt'

export const entryColumns = [
  'accountId',
  'keyId',
  'mode',
  'month',
  'entry',
  'time',
  'day',
  'lot',
  'endpoint',
  'calls',
  'quantity',
  'credits',
  'debt',
  'minorUnits',
  'currency',
  'plan',
  'requestId',
  'tariff',
  'externalId',
  'positions',
  'component',
  'rate',
  'amount',
] as const satisfies readonly (keyof StatementEntry)[]

/** Charges are added up by day and endpoint. A statement with lines has an entry for each charge instead. */
export function entriesOf(statement: Statement): StatementEntry[] {
  const { accountId, keyId, mode, month, account, charges, refunds, held } = statement
  const entry = (kind: EntryKind, more: Partial<StatementEntry>): StatementEntry => ({
    ...{ ...nothing, accountId, keyId, mode, month, entry: kind, ...more },
  })
  const sums = charges.lines ? unlisted(charges.byDay, charges.lines) : charges.byDay
  return [
    ...(account ? openings(account, entry) : []),
    ...refunds.map(({ position, time, requestId, endpoint, credits, externalId = null }) =>
      entry('refund', { time, requestId, endpoint, credits, externalId, positions: position }),
    ),
    ...sums.map((sum) => entry('charge', sumFields(sum))),
    ...(charges.lines ?? []).map(({ position, credits, ...line }) =>
      entry('charge', { ...line, calls: 1, credits: -credits, positions: position }),
    ),
    ...(charges.byComponent ?? []).map((line) => entry('component', componentFields(line))),
    ...held.map(({ position, time, requestId, endpoint, credits }) =>
      entry('held', { time, requestId, endpoint, credits: -credits, positions: position }),
    ),
    ...(account ? closings(account, entry) : []),
  ]
}

type Entry = (kind: EntryKind, more: Partial<StatementEntry>) => StatementEntry

function openings({ fee, overage, lots, grants }: AccountPart, entry: Entry): StatementEntry[] {
  return [
    ...(fee
      ? [
          entry('fee', {
            minorUnits: fee.minorUnits,
            currency: fee.currency,
            plan: fee.plan,
            positions: fee.position,
          }),
        ]
      : []),
    ...overage.map(({ lot, credits, billed }) =>
      entry('overage', { lot, quantity: credits, ...billed, positions: lot }),
    ),
    ...lots
      .filter(({ opening }) => opening !== 0)
      .map(({ lot, opening }) => entry('opening', { lot, credits: opening })),
    ...grants.map(({ position, time, credits, externalId = null, paid }) =>
      entry('grant', {
        time,
        lot: position,
        credits,
        externalId,
        minorUnits: paid?.minorUnits ?? null,
        currency: paid?.currency ?? null,
        positions: position,
      }),
    ),
  ]
}

function closings({ adjustments, lapses, totals, debt }: AccountPart, entry: Entry) {
  return [
    ...adjustments.map(({ position, time, credits, externalId = null, repaysDebt }) =>
      entry('adjustment', {
        time,
        credits: -credits,
        debt: repaysDebt ? -credits : null,
        externalId,
        positions: position,
      }),
    ),
    ...lapses.map(({ lot, time, credits, positions }) =>
      entry('lapse', {
        time,
        lot,
        credits: subtractSums(0, credits),
        positions: positions.join(' '),
      }),
    ),
    ...debt.lines.map(({ position, time, credits, externalId = null }) =>
      entry('debt', { time, debt: credits, externalId, positions: position }),
    ),
    entry('closing', { credits: totals.closing }),
  ]
}

/** The sums without the calls that have lines. What remains are calls of price 0, which are only counted. */
function unlisted(byDay: Charges['byDay'], lines: readonly ChargeLine[]): Charges['byDay'] {
  const listed = new Map<string, { calls: Sum; quantity: Sum; credits: Sum }>()
  for (const { day, endpoint, quantity, credits } of lines) {
    const sum = listed.get(`${day} ${endpoint}`) ?? { calls: 0, quantity: 0, credits: 0 }
    sum.calls = addSums(sum.calls, 1)
    sum.quantity = addSums(sum.quantity, quantity)
    sum.credits = addSums(sum.credits, credits)
    listed.set(`${day} ${endpoint}`, sum)
  }
  return byDay
    .map((sum) => {
      const of = listed.get(`${sum.day} ${sum.endpoint}`) ?? { calls: 0, quantity: 0, credits: 0 }
      return {
        ...sum,
        calls: subtractSums(sum.calls, of.calls),
        quantity: subtractSums(sum.quantity, of.quantity),
        credits: subtractSums(sum.credits, of.credits),
      }
    })
    .filter(({ calls }) => compareSums(calls, 0) > 0)
}

function sumFields(sum: ChargeSum & { day: string; endpoint: string }): Partial<StatementEntry> {
  const { day, endpoint, calls, quantity, credits, positions } = sum
  return {
    day,
    endpoint,
    calls,
    quantity,
    credits: subtractSums(0, credits),
    positions: printPositionRange(positions),
  }
}

function componentFields(line: ComponentLine): Partial<StatementEntry> {
  const { endpoint, component, by, quantity, amount } = line
  return {
    ...{ endpoint, quantity, component: component ?? 'rounding', rate: by },
    amount: negated(amount),
  }
}

/** @param amount credits with decimals */
function negated(amount: string): string {
  if (amount.startsWith('-')) return amount.slice(1)
  return /[1-9]/.test(amount) ? `-${amount}` : amount
}

const nothing = Object.fromEntries(entryColumns.map((column) => [column, null])) as {
  [column in keyof StatementEntry]: never
}
