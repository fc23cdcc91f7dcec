/**
 * How long the credits of lots will last, when every day takes as much. Lots are drawn on in the ledger's order (the allowance, then
 * what expires first, then the oldest), and what a lot has left when it expires is lost; so is what of allowances is left after their
 * months and does not roll over. Lots may be given that start later.
 */
import { type RollingLot, rolloverExcess } from '../../pricing/rollover-excess.ts'

export interface ForecastLot {
  readonly kind: string
  /** What it has left. */
  readonly credits: number
  readonly startsAt: string
  /** null: never. */
  readonly expiresAt: string | null
  /** Of an allowance that is good after its month: that month's end, and how much of such lots is kept then. */
  readonly rollover?: { readonly at: string; readonly max: number }
}

export interface Forecast {
  /** UTC days from tomorrow on, with what is left at the end of each. */
  readonly days: readonly string[]
  readonly kinds: readonly { readonly kind: string; readonly credits: readonly number[] }[]
  /** The day on which nothing is left; null: not within these days. */
  readonly lastsUntil: string | null
  /** What is lost when a lot expires, or does not roll over, where the forecast leaves something of it. */
  readonly lapses: readonly {
    readonly at: string
    readonly kind: string
    readonly credits: number
  }[]
}

const forecastDays = 30
const dayMs = 86_400_000

/** @param lots in the order in which they are drawn on */
export function forecastOf(
  lots: readonly ForecastLot[],
  {
    today,
    perDay,
    debt,
  }: { readonly today: string; readonly perDay: number; readonly debt: number },
): Forecast {
  const left = lots.map(({ credits }) => credits)
  // By their months: the newest says how much is kept.
  const rolling = lots
    .flatMap(({ rollover, expiresAt }, i) =>
      rollover && expiresAt !== null ? [{ i, expiresAt, ...rollover }] : [],
    )
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at))
  const begin = Date.parse(`${today}T00:00:00Z`)
  const endOf = (day: number) => begin + (day + 1) * dayMs
  const isLive = ({ startsAt, expiresAt }: ForecastLot, atMs: number) =>
    Date.parse(startsAt) <= atMs && (expiresAt === null || Date.parse(expiresAt) > atMs)
  const days: string[] = []
  const kinds = [...new Set(lots.map(({ kind }) => kind))].sort()
  const byKind = kinds.map((kind) => ({ kind, credits: [] as number[] }))
  const lapses: { at: string; kind: string; credits: number }[] = []
  let lastsUntil: string | null = null
  draw(debt, begin)

  for (let day = 1; day <= forecastDays; day++) {
    const endMs = endOf(day)
    days.push(nameOf(begin + day * dayMs))
    lots.forEach((lot, i) => {
      if (lot.expiresAt === null || (left[i] ?? 0) < 1) return
      const atMs = Date.parse(lot.expiresAt)
      if (atMs >= endMs) return
      lapses.push({ at: lot.expiresAt, kind: lot.kind, credits: Math.round(left[i] ?? 0) })
      left[i] = 0
    })
    lapseRollover(endMs)
    draw(perDay, endMs)
    for (const { kind, credits } of byKind) credits.push(Math.round(liveOf(kind, endMs)))
    if (lastsUntil === null && byKind.every(({ credits }) => credits.at(-1) === 0)) {
      lastsUntil = nameOf(begin + day * dayMs)
    }
  }
  return { days, kinds: byKind, lastsUntil, lapses }

  function draw(credits: number, atMs: number): void {
    let rest = credits
    lots.forEach((lot, i) => {
      if (!isLive(lot, atMs)) return
      const taken = Math.min(rest, left[i] ?? 0)
      left[i] = (left[i] ?? 0) - taken
      rest -= taken
    })
  }

  function lapseRollover(atMs: number): void {
    let sum = 0
    for (const { lot: nth, credits } of rolloverExcess(rollingLots(), atMs)) {
      const { i } = rolling[nth] as (typeof rolling)[number]
      left[i] = (left[i] ?? 0) - credits
      sum += credits
    }
    const turned = rolling.findLast(({ at }) => Date.parse(at) <= atMs)
    if (turned && Math.round(sum) > 0) {
      lapses.push({ at: turned.at, kind: lots[turned.i]?.kind ?? '', credits: Math.round(sum) })
    }
  }

  function rollingLots(): RollingLot[] {
    return rolling.map(({ i, at, max, expiresAt }, lot) => ({
      ...{
        lot,
        free: left[i] ?? 0,
        expiresAt: Date.parse(expiresAt),
        rollsAt: Date.parse(at),
        max,
      },
    }))
  }

  function liveOf(kind: string, atMs: number): number {
    return lots.reduce(
      (sum, lot, i) => sum + (lot.kind === kind && isLive(lot, atMs) ? (left[i] ?? 0) : 0),
      0,
    )
  }
}

function nameOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10)
}
