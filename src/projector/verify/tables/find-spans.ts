/** The spans, such as `90d`, that the times of a grant may have been given as. */
import type { GrantSpans } from '../../../ledger/commands/management-commands.ts'
import type { Micros } from '../meaning/rare-events.ts'

interface GrantEvent {
  readonly recordedAt: Micros
  readonly payload: { readonly startsAt: string; readonly expiresAt?: string }
}

/**
 * Of each unit, what the sender's clock may differ by, with the time until the command was executed. A clock that differs by
 * more is taken for one only where that leaves few spans to try.
 */
const units = [
  { unit: 's', unitMs: 1_000, toleranceMs: 360_000 },
  { unit: 'm', unitMs: 60_000, toleranceMs: 3_600_000 },
  { unit: 'h', unitMs: 3_600_000, toleranceMs: 86_400_000 },
  { unit: 'd', unitMs: 86_400_000, toleranceMs: 86_400_000 },
]
const maxDigits = 6

/** Whether spans are found, among those that lead to about the grant's times, for which this is true. */
export function findSpans(
  { recordedAt, payload: { startsAt, expiresAt } }: GrantEvent,
  isIt: (spans: GrantSpans) => boolean,
): boolean {
  const starts = [undefined, ...spansTo(startsAt, recordedAt / 1_000)]
  const ends = [
    undefined,
    ...(expiresAt === undefined ? [] : spansTo(expiresAt, recordedAt / 1_000)),
  ]
  const of = (start: string | undefined, end: string | undefined): GrantSpans => ({
    ...(start !== undefined && { startsAt: start }),
    ...(end !== undefined && { expiresAt: end }),
  })
  // Both were given as spans only where both are of whole minutes, or there would be very many.
  return (
    ends.some((end) => isIt(of(undefined, end))) ||
    starts.some((start) => isIt(of(start, undefined))) ||
    starts.some(
      (start) =>
        !start?.endsWith('s') && ends.some((end) => !end?.endsWith('s') && isIt(of(start, end))),
    )
  )
}

function spansTo(time: string, fromMs: number): string[] {
  const spanMs = Date.parse(time) - fromMs
  return units.flatMap(({ unit, unitMs, toleranceMs }) => {
    const first = Math.max(Math.ceil((spanMs - toleranceMs) / unitMs), 0)
    const last = Math.floor((spanMs + toleranceMs) / unitMs)
    return numbers(first, last).flatMap((number) =>
      paddings(number).map((text) => `${text}${unit}`),
    )
  })
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
