/**
 * What a report covers: a month or a day of a time zone's calendar. A day begins when the zone's clocks first show it.
 * Clocks that are put back over midnight show the day before once more; that hour belongs to the new day, so days never
 * overlap and leave no gap. A day that a zone's calendar left out (Samoa had no 30 December 2011) begins and ends at
 * the same time.
 *
 * Only the time-zone database of the JavaScript engine is used. PostgreSQL's may be of another year.
 */
import { isTime } from '../../../events/time.ts'
import type { Micros } from './micros.ts'

export interface Period {
  /** `YYYY-MM`: the month, or the month of the day. */
  readonly month: string
  /** `YYYY-MM-DD`; absent from a month. */
  readonly day?: string
  /** IANA name. */
  readonly timeZone: string
  /** The period is `start <= t < end`. */
  readonly start: Micros
  readonly end: Micros
  /** In their order; each ends where the next begins, the last with the period. */
  readonly days: readonly Day[]
}

interface Day {
  /** `YYYY-MM-DD` */
  readonly name: string
  readonly start: Micros
}

/** Reads `YYYY-MM`; undefined for any other text. @throws RangeError for an unknown time zone */
export function monthPeriod(text: string, timeZone: string): Period | undefined {
  if (!/^20\d\d-(0[1-9]|1[0-2])$/.test(text)) return undefined
  const first = Temporal.PlainDate.from(`${text}-01`)
  return { month: text, ...spanOf(first, first.daysInMonth, timeZone) }
}

/** Reads `YYYY-MM-DD`; undefined for any other text. @throws RangeError for an unknown time zone */
export function dayPeriod(text: string, timeZone: string): Period | undefined {
  if (!/^20\d\d-\d\d-\d\d$/.test(text) || !isTime(`${text}T00:00:00Z`)) return undefined
  return {
    month: text.slice(0, 7),
    day: text,
    ...spanOf(Temporal.PlainDate.from(text), 1, timeZone),
  }
}

/** `YYYY-MM` of the UTC month that a time lies in. */
export function monthOf(time: Date): string {
  return time.toISOString().slice(0, 7)
}

/** The day of the period that a time lies in. */
export function dayOf({ days }: Period, time: Micros): string {
  let [low, high] = [0, days.length]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((days[middle]?.start ?? 0) <= time) low = middle
    else high = middle
  }
  return days[low]?.name ?? ''
}

/** An ISO time as the zone's clocks show it: `2026-01-31 23:59:59`. */
export function localTime(iso: string, timeZone: string): string {
  const local = Temporal.Instant.from(iso).toZonedDateTimeISO(timeZone).toPlainDateTime()
  return local.round({ smallestUnit: 'second', roundingMode: 'floor' }).toString().replace('T', ' ')
}

function spanOf(first: Temporal.PlainDate, count: number, timeZone: string) {
  const startOf = (date: Temporal.PlainDate) =>
    date.toZonedDateTime(timeZone).epochMilliseconds * 1_000
  const days = Array.from({ length: count }, (_, i) => {
    const date = first.add({ days: i })
    return { name: date.toString(), start: startOf(date) }
  })
  return { timeZone, start: startOf(first), end: startOf(first.add({ days: count })), days }
}
