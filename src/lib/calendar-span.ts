/** Days, weeks and months of a time zone's calendar, and the spans of budgets, which are such. */

export type CalendarSpan = 'day' | 'week' | 'month'

/** When the zone's clocks first show the day, week or month that a time lies in, in milliseconds. A week begins on Monday. */
export function startOfSpan(per: CalendarSpan, timeZone: string, timeMs: number): number {
  const date = Temporal.Instant.fromEpochMilliseconds(timeMs)
    .toZonedDateTimeISO(timeZone)
    .toPlainDate()
  return firstDay(per, date).toZonedDateTime(timeZone).epochMilliseconds
}

function firstDay(per: CalendarSpan, date: Temporal.PlainDate): Temporal.PlainDate {
  switch (per) {
    case 'day':
      return date
    case 'week':
      return date.subtract({ days: date.dayOfWeek - 1 })
    case 'month':
      return date.with({ day: 1 })
    default:
      return per satisfies never
  }
}

const hourMs = 3_600_000
/** No span is shorter, whatever a zone does with its clocks, and none is longer. */
const leastMs = { day: 22 * hourMs, week: 166 * hourMs, month: 670 * hourMs } as const
const mostMs = { day: 26 * hourMs, week: 170 * hourMs, month: 746 * hourMs } as const

/**
 * Where the span of a budget begins that a time lies in, as the ledger decides it (budget_span_start.sql): spans never overlap, whatever becomes of a
 * zone's clocks, and those of an unknown zone follow one another as they did.
 * @param lastMs where the last span begins that calls have counted in; undefined: none has
 */
export function startOfBudgetSpan(
  per: CalendarSpan,
  timeZone: string,
  lastMs: number | undefined,
  timeMs: number,
): number {
  if (lastMs !== undefined && timeMs < lastMs + leastMs[per]) return lastMs
  const startMs = knownStart(per, timeZone, timeMs)
  if (lastMs === undefined) return startMs ?? startOfSpan(per, 'UTC', timeMs)
  if (startMs !== undefined && startMs >= lastMs + leastMs[per]) return startMs
  if (startMs !== undefined && timeMs < lastMs + mostMs[per]) return lastMs
  // Zones are at most 14 hours ahead of UTC, and 12 behind it.
  const offsetMs = startOfSpan(per, 'UTC', lastMs + 14 * hourMs) - lastMs
  return startOfSpan(per, 'UTC', timeMs + offsetMs) - offsetMs
}

/** Where a span of a budget ends, by where it begins: what lies so far ahead is in the next. */
export function endOfBudgetSpan(per: CalendarSpan, timeZone: string, startMs: number): number {
  return startOfBudgetSpan(per, timeZone, startMs, startMs + mostMs[per])
}

function knownStart(per: CalendarSpan, timeZone: string, timeMs: number): number | undefined {
  try {
    return startOfSpan(per, timeZone, timeMs)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}
