/**
 * Months in UTC, and time as whole microseconds since 1970. The ledger's times have microseconds, which a
 * Date would cut off, and on which side of a lot's expiry or of a month's end an event lies can hang
 * on one of them. As a number they are exact until the year 2255.
 */

export type Micros = number

interface Month {
  /** `YYYY-MM` */
  readonly name: string
  /** The month is `start <= t < end`. */
  readonly start: Micros
  readonly end: Micros
}

/** Reads `YYYY-MM`; undefined for anything else. */
export function parseMonth(text: string): Month | undefined {
  const match = /^(20\d\d)-(0[1-9]|1[0-2])$/.exec(text)
  if (!match) return undefined
  const year = Number(match[1])
  const month = Number(match[2])
  return {
    name: text,
    start: Date.UTC(year, month - 1) * 1_000,
    end: Date.UTC(year, month) * 1_000,
  }
}

/** `YYYY-MM` of the month that a time lies in. */
export function monthOf(time: Date): string {
  return time.toISOString().slice(0, 7)
}

/** ISO 8601 in UTC, cut to milliseconds; null for never. */
export function printTime(time: Micros): string
export function printTime(time: Micros | null): string | null
export function printTime(time: Micros | null): string | null {
  return time === null ? null : new Date(Math.floor(time / 1_000)).toISOString()
}

/** ISO 8601 in UTC, with its microseconds. */
export function printMicros(time: Micros): string {
  const seconds = Math.floor(time / 1_000_000)
  const rest = String(time - seconds * 1_000_000).padStart(6, '0')
  return `${new Date(seconds * 1_000).toISOString().slice(0, 19)}.${rest}Z`
}
