/**
 * A statement as the entries of a ledger, for spreadsheets and databases. `credits` is signed, and an account's
 * entries add up to its `closing`: openings, grants and refunds bring credits; charges, adjustments, lapses and open
 * holds take them. A key's statement has no balance, so it has the entries of calls alone.
 */
import { addSums, compareSums, type Sum, subtractSums } from '../../lib/sums.ts'
import { printPositionRange } from '../log-reader/position-tally.ts'
import type { ChargeLine, ChargeSum, Charges } from './charge-lines.ts'
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
  /** A plan's fee, or what a lot cost: net, in minor units of the currency. */
  readonly minorUnits: number | null
  readonly currency: string | null
  readonly plan: string | null
  readonly requestId: string | null
  readonly tariff: string | null
  readonly externalId: string | null
  readonly positions: string | null
}

type EntryKind =
  | 'fee'
  | 'opening'
  | 'grant'
  | 'refund'
  | 'charge'
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
    ...held.map(({ position, time, requestId, endpoint, credits }) =>
      entry('held', { time, requestId, endpoint, credits: -credits, positions: position }),
    ),
    ...(account ? closings(account, entry) : []),
  ]
}

type Entry = (kind: EntryKind, more: Partial<StatementEntry>) => StatementEntry

function openings({ fee, lots, grants }: AccountPart, entry: Entry): StatementEntry[] {
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

const nothing = Object.fromEntries(entryColumns.map((column) => [column, null])) as {
  [column in keyof StatementEntry]: never
}
