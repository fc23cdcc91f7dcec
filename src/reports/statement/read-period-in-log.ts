/**
 * What the log has about a period. Everything up to the period's end is read. Of what was recorded later, only what
 * extends or resolves holds that were taken by then is read, until none of them is open: nothing after that can change
 * the period.
 */
import type { Sql } from '../../ledger/connect.ts'
import type { Micros } from '../log-reader/micros.ts'
import type { Period } from '../log-reader/period.ts'
import { positionAt } from '../log-reader/position-at.ts'
import { type AccountRange, readInRanges } from '../log-reader/read-in-ranges.ts'
import { type CallSum, readCallSums } from './call-sums.ts'
import { type ChargeRow, readChargeRows } from './charge-rows.ts'
import { type ComponentSum, type ItemisedPrices, readComponentSums } from './component-sums.ts'
import { type LotSum, readLotSums } from './lot-sums.ts'
import { type OpenHoldRow, readOpenHolds } from './open-holds.ts'
import { isInRange, type PeriodRange } from './range-conditions.ts'
import { lineTypes } from './statement-events.ts'

export interface PeriodInLog {
  readonly callSums: readonly CallSum[]
  /** Positions of the events of `lineTypes`. */
  readonly linePositions: readonly number[]
  /** How many holds that were taken by the period's end are open. */
  readonly openHolds: number
  /** The position of the last event that was looked at; while holds are open, the account's last. */
  readonly through: number | null
  readLotSums(expiries: ReadonlyMap<number, Micros>): Promise<LotSum[]>
  /** The open holds of the period. */
  readOpenHolds(): Promise<OpenHoldRow[]>
  /** The charges of the period. */
  readCharges(): Promise<ChargeRow[]>
  /** The same, summed up by component of these prices. */
  readComponents(prices: ItemisedPrices): Promise<ComponentSum[]>
}

export async function readPeriodInLog(
  sql: Sql,
  range: AccountRange,
  period: Period,
): Promise<PeriodInLog> {
  const boundary = await positionAt(sql, range.shard, new Date(period.end / 1_000))
  const until = Math.min(boundary - 1, range.to)
  const within: PeriodRange = { ...range, to: until, period, isLate: false }
  const sums: CallSum[] = []
  for await (const piece of readInRanges(within, (of) => readCallSums(sql, of))) {
    sums.push(...piece)
  }
  // A key's statement begins with its period, so it does not know the holds from before.
  const counts = ({ bucket }: CallSum) => bucket > 0 || range.keyId === undefined
  const after: PeriodRange = { ...range, from: until + 1, period, isLate: true }
  const { openHolds, lateSums, to } = await readUntilResolved(
    after,
    openIn(sums.filter(counts)),
    async (of) => (await readCallSums(sql, of)).filter(counts),
  )
  const late = { ...after, to }
  sums.push(...lateSums)
  const whole = { ...range, to: Math.max(within.to, late.to) }
  const last = sums.reduce((max, sum) => Math.max(max, sum.last), 0)

  return {
    callSums: sums,
    linePositions: sums.flatMap(({ type, positions }) =>
      lineTypes.includes(type) ? (positions ?? []) : [],
    ),
    openHolds,
    through: openHolds === 0 ? last || null : await readLastPosition(sql, range),

    async readLotSums(expiries) {
      const lots: LotSum[] = []
      for (const part of [within, late]) {
        const read = (of: PeriodRange) => readLotSums(sql, of, expiries)
        for await (const piece of readInRanges(part, read)) lots.push(...piece)
      }
      return lots
    },

    readOpenHolds: () => readOpenHoldsByDay(sql, range, period, sums),

    readComponents: (prices) => readComponentSums(sql, whole, period, prices),

    async readCharges() {
      const rows: ChargeRow[] = []
      for await (const piece of readInRanges(whole, (of) => readChargeRows(sql, of, period))) {
        rows.push(...piece)
      }
      return rows
    },
  }
}

/**
 * Reads on after a period until none of its holds is open.
 * @returns how many holds are open at the end, the sums that were read, and the last position that matters; that one
 *   lies before `after` where no hold was open in the first place
 */
async function readUntilResolved(
  after: PeriodRange,
  openBefore: number,
  read: (piece: PeriodRange) => Promise<CallSum[]>,
): Promise<{ openHolds: number; lateSums: CallSum[]; to: number }> {
  const lateSums: CallSum[] = []
  let openHolds = openBefore
  if (openHolds === 0) return { openHolds, lateSums, to: after.from - 1 }
  for await (const piece of readInRanges(after, read)) {
    lateSums.push(...piece)
    openHolds += openIn(piece)
    if (openHolds === 0) break
  }
  const lastResolved = lateSums.reduce((max, { last }) => Math.max(max, last), 0)
  return { openHolds, lateSums, to: openHolds === 0 ? lastResolved : after.to }
}

/** Reads the open holds of a period; of the days that have any, where their holds were taken. */
async function readOpenHoldsByDay(
  sql: Sql,
  range: AccountRange,
  period: Period,
  sums: readonly CallSum[],
): Promise<OpenHoldRow[]> {
  const holds: OpenHoldRow[] = []
  for (const [i, { start }] of period.days.entries()) {
    const ofDay = sums.filter(({ bucket }) => bucket === i + 1)
    if (openIn(ofDay) === 0) continue
    const taken = ofDay.filter(({ type }) => type === 'CreditsHeld')
    const from = Math.min(...taken.map(({ first }) => first))
    const to = Math.max(...taken.map(({ last }) => last))
    const end = period.days[i + 1]?.start ?? period.end
    const times = { start, end, upTo: range.to }
    holds.push(...(await readOpenHolds(sql, { ...range, from, to }, times)))
  }
  return holds.sort((a, b) => a.position - b.position)
}

/** The position of the last event of a range; null when it has none. */
async function readLastPosition(sql: Sql, range: AccountRange): Promise<number | null> {
  const [row] = await sql<{ position: number }[]>`
    select position from events where ${isInRange(sql, range)} order by position desc limit 1`
  return row?.position ?? null
}

/** How many more holds are taken than ended. */
function openIn(sums: readonly CallSum[]): number {
  return sums.reduce(
    (open, { type, events, ends }) => open + (type === 'CreditsHeld' ? events : 0) - ends,
    0,
  )
}
