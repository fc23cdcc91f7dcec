/**
 * What the log has about a period: all up to the period's end, and of what was recorded later only what
 * extends or resolves holds taken by then, until none of them is open. Nothing after that can change the period.
 */
import type { Sql } from '../../ledger/connect.ts'
import type { AccountRange } from '../log-reader/account-events.ts'
import { positionAt } from '../log-reader/log-range.ts'
import type { Micros } from '../log-reader/month.ts'
import type { Period } from '../log-reader/period.ts'
import { lineTypes } from './statement-account.ts'
import {
  type CallSum,
  type ChargeRow,
  type LotSum,
  type OpenHoldRow,
  readCallSums,
  readCharges,
  readInRanges,
  readLast,
  readLotSums,
  readOpenHolds,
} from './statement-sums.ts'

interface PeriodInLog {
  readonly sums: readonly CallSum[]
  /** Of the events that have a line of their own, or decide about one. */
  readonly linePositions: readonly number[]
  /** Holds taken by the period's end that are open. */
  readonly open: number
  /** The last event that was looked at; while holds are open, the last there is. */
  readonly through: number | null
  lots(expiries: ReadonlyMap<number, Micros>): Promise<LotSum[]>
  /** Those of the period. */
  openHolds(): Promise<OpenHoldRow[]>
  /** One by one. */
  charges(): Promise<ChargeRow[]>
}

export async function readPeriodInLog(
  sql: Sql,
  range: AccountRange,
  period: Period,
): Promise<PeriodInLog> {
  const boundary = await positionAt(sql, range.shard, new Date(period.end / 1_000))
  const within = { ...range, to: Math.min(boundary - 1, range.to) }
  const sums: CallSum[] = []
  for await (const piece of readInRanges(within, (of) => readCallSums(sql, of, period, false))) {
    sums.push(...piece)
  }
  // A key's statement begins with its period, and does not know the holds from before.
  const counts = ({ bucket }: CallSum) => bucket > 0 || range.keyId === undefined
  let late = { ...range, from: within.to + 1, to: within.to }
  let open = openIn(sums.filter(counts))
  let resolved = 0
  if (open > 0) {
    const after = { ...late, to: range.to }
    for await (const piece of readInRanges(after, (of) => readCallSums(sql, of, period, true))) {
      const resolving = piece.filter(counts)
      sums.push(...resolving)
      open += openIn(resolving)
      for (const { last } of resolving) resolved = Math.max(resolved, last)
      if (open === 0) break
    }
    late = { ...late, to: open === 0 ? resolved : range.to }
  }
  const last = sums.reduce((most, sum) => Math.max(most, sum.last), 0)

  return {
    sums,
    linePositions: sums.flatMap(({ type, positions }) =>
      lineTypes.includes(type) ? (positions ?? []) : [],
    ),
    open,
    through: open === 0 ? last || null : await readLast(sql, range),

    async lots(expiries) {
      const lots: LotSum[] = []
      for (const [part, isLate] of [[within, false] as const, [late, true] as const]) {
        const read = (of: AccountRange) => readLotSums(sql, of, { period, late: isLate, expiries })
        for await (const piece of readInRanges(part, read)) lots.push(...piece)
      }
      return lots
    },

    async openHolds() {
      const holds: OpenHoldRow[] = []
      for (const [i, { start }] of period.days.entries()) {
        const ofDay = sums.filter(({ bucket }) => bucket === i + 1)
        if (openIn(ofDay) === 0) continue
        const taken = ofDay.filter(({ type }) => type === 'CreditsHeld')
        const from = Math.min(...taken.map(({ first }) => first))
        const to = Math.max(...taken.map(({ last }) => last))
        const end = period.days[i + 1]?.start ?? period.end
        holds.push(
          ...(await readOpenHolds(sql, { ...range, from, to }, { start, end, upTo: range.to })),
        )
      }
      return holds.sort((a, b) => a.position - b.position)
    },

    async charges() {
      const rows: ChargeRow[] = []
      const whole = { ...range, to: Math.max(within.to, late.to) }
      for await (const piece of readInRanges(whole, (of) => readCharges(sql, of, period)))
        rows.push(...piece)
      return rows
    },
  }
}

function openIn(sums: readonly CallSum[]): number {
  return sums.reduce(
    (open, { type, events, ends }) => open + (type === 'CreditsHeld' ? events : 0) - ends,
    0,
  )
}
