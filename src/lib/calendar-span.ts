/** Days, weeks and months of a time zone's calendar. */

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
