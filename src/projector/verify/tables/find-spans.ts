/** The spans, such as `90d`, that the times of a grant may have been given as. */
import type { GrantSpans } from '../../../ledger/commands/management-commands.ts'
import type { Micros } from '../meaning/rare-events.ts'

interface GrantEvent {
  readonly recordedAt: Micros
  readonly payload: { readonly startsAt: string; readonly expiresAt?: string }
}

interface Unit {
  readonly unit: string
  readonly unitMs: number
  /** What the clock of whoever gave the grant may differ by, with the time until it was executed. */
  readonly toleranceMs: number
}

const minuteMs = 60_000
const dayMs = 86_400_000
const maxDigits = 6
const maxPadded = 1_000

const unitsWithin = (tolerancesMs: readonly [number, number, number, number]): Unit[] =>
  [
    { unit: 's', unitMs: 1_000 },
    { unit: 'm', unitMs: minuteMs },
    { unit: 'h', unitMs: 60 * minuteMs },
    { unit: 'd', unitMs: dayMs },
  ].map((each, i) => ({ ...each, toleranceMs: tolerancesMs[i] ?? 0 }))

/** Of one clock, a few seconds apart, as a command is slow. */
const sameClock = unitsWithin([10 * minuteMs, 10 * minuteMs, 10 * minuteMs, 10 * minuteMs])
const nearClock = unitsWithin([6 * minuteMs, 60 * minuteMs, dayMs, dayMs])
/** Of another time zone, say. */
const farClock = unitsWithin([14 * 60 * minuteMs, dayMs, 30 * dayMs, 3_650 * dayMs])

/** Whether spans are found, among those that lead to about the grant's times, for which this is true. */
export function findSpans(
  { recordedAt, payload: { startsAt, expiresAt } }: GrantEvent,
  isIt: (spans: GrantSpans) => boolean,
): boolean {
  const [startsMs, recordedMs] = [Date.parse(startsAt), recordedAt / 1_000]
  const expiresMs = expiresAt === undefined ? undefined : Date.parse(expiresAt)
  const isEnd = (expiresAt: string) => isIt({ expiresAt })

  // A grant that begins at once begins when its sender's clock said that it was given.
  if (expiresMs !== undefined && spansOf(expiresMs - startsMs, sameClock).some(isEnd)) return true
  return [nearClock, farClock].some(
    (units) =>
      (expiresMs !== undefined && spansOf(expiresMs - recordedMs, units).some(isEnd)) ||
      spansOf(startsMs - recordedMs, units).some(
        (start) =>
          isIt({ startsAt: start }) ||
          (expiresMs !== undefined &&
            // Both are of one moment, so the one follows from the other.
            spansOf(msOf(start) + expiresMs - startsMs, exactly).some((expiresAt) =>
              isIt({ startsAt: start, expiresAt }),
            )),
      ),
  )
}

const exactly = unitsWithin([0, 0, 0, 0])

/** The texts of spans that are about so long. */
function spansOf(ms: number, units: readonly Unit[]): string[] {
  return units.flatMap(({ unit, unitMs, toleranceMs }) => {
    const first = Math.max(Math.ceil((ms - toleranceMs) / unitMs), 0)
    const last = Math.min(Math.floor((ms + toleranceMs) / unitMs), 10 ** maxDigits - 1)
    const all = numbers(first, last)
    // Zeros before a number are looked for where that is cheap.
    if (all.length > maxPadded) return all.map((number) => `${number}${unit}`)
    return all.flatMap((number) => paddings(number).map((text) => `${text}${unit}`))
  })
}

function msOf(span: string): number {
  const { unitMs = 0 } = exactly.find(({ unit }) => span.endsWith(unit)) ?? {}
  return Number(span.slice(0, -1)) * unitMs
}

function numbers(first: number, last: number): number[] {
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, i) => first + i)
}

/** A number with as many zeros before it as a span may have. */
function paddings(number: number): string[] {
  const text = String(number)
  return Array.from({ length: Math.max(maxDigits - text.length + 1, 0) }, (_, zeros) =>
    text.padStart(text.length + zeros, '0'),
  )
}
