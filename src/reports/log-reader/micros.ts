/**
 * A time as whole microseconds since 1970. The ledger's times have microseconds, which a Date would cut off, and one
 * microsecond can decide on which side of a month's end or of a lot's expiry an event lies. The numbers are exact until
 * the year 2255, and times enter the ledger only before 2200. A log may have later ones all the same, from before that was
 * checked. They are read as double precision, so that they are only inexact, and infinite ones are infinite numbers.
 */
export type Micros = number

/** ISO 8601 in UTC, cut to milliseconds; null stays null. */
export function printTime(time: Micros): string
export function printTime(time: Micros | null): string | null
export function printTime(time: Micros | null): string | null {
  return time === null ? null : new Date(Math.floor(printable(time) / 1_000)).toISOString()
}

/** ISO 8601 in UTC, with microseconds. */
export function printMicros(time: Micros): string {
  const micros = printable(time)
  const seconds = Math.floor(micros / 1_000_000)
  const rest = String(micros - seconds * 1_000_000).padStart(6, '0')
  return `${new Date(seconds * 1_000).toISOString().slice(0, 19)}.${rest}Z`
}

const firstPrintable = Date.parse('0001-01-01T00:00:00Z') * 1_000
const lastPrintable = Date.parse('9999-12-31T23:59:59Z') * 1_000

/** The nearest time whose year has four digits. */
function printable(time: Micros): Micros {
  return Math.min(Math.max(time, firstPrintable), lastPrintable)
}
