/**
 * What a statement covers: a month or a day, as a time zone's calendar has it. A day begins when the
 * zone's clocks first show it. Clocks that are put back over midnight show the day before once more: that
 * hour is the new day's already, so days never overlap and leave no gap. A day that a zone's calendar left out
 * (Samoa had no 30 December 2011) begins and ends at once.
 *
 * Which zone does what when is the time-zone database of the JavaScript engine, and PostgreSQL's is not asked:
 * the two may be of different years.
 */
import { isTime } from '../../../events/time.ts'
import type { Micros } from './month.ts'

export interface Period {
  /** `YYYY-MM` of the month; of a day the month that it is of. */
  readonly month: string
  /** `YYYY-MM-DD`, of a day only. */
  readonly day?: string
  /** IANA name. */
  readonly timeZone: string
  /** The period is `start <= t < end`. */
  readonly start: Micros
  readonly end: Micros
  /** In their order; each ends where the next begins. */
  readonly days: readonly Day[]
}

interface Day {
  /** `YYYY-MM-DD` */
  readonly name: string
  readonly start: Micros
}

/** Reads `YYYY-MM`; undefined for anything else. @throws RangeError for a zone that is none */
export function monthPeriod(text: string, timeZone: string): Period | undefined {
  if (!/^20\d\d-(0[1-9]|1[0-2])$/.test(text)) return undefined
  const first = Temporal.PlainDate.from(`${text}-01`)
  return { month: text, ...spanOf(first, first.daysInMonth, timeZone) }
}

/** Reads `YYYY-MM-DD`; undefined for anything else. @throws RangeError for a zone that is none */
export function dayPeriod(text: string, timeZone: string): Period | undefined {
  if (!/^20\d\d-\d\d-\d\d$/.test(text) || !isTime(`${text}T00:00:00Z`)) return undefined
  return {
    month: text.slice(0, 7),
    day: text,
    ...spanOf(Temporal.PlainDate.from(text), 1, timeZone),
  }
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

/** Whether there is such a zone. */
export function isTimeZone(text: string): boolean {
  try {
    Temporal.PlainDate.from('2000-01-01').toZonedDateTime(text)
    return true
  } catch {
    return false
  }
}

/** `2026-01-31 23:59:59` of an ISO time, as the zone's clocks show it. */
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
