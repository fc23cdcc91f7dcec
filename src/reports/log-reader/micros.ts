/**
 * A time as whole microseconds since 1970. The ledger's times have microseconds, which a Date would cut off, and one
 * microsecond can decide on which side of a month's end or of a lot's expiry an event lies. The numbers are exact until
 * the year 2255.
 */
export type Micros = number

/** ISO 8601 in UTC, cut to milliseconds; null stays null. */
export function printTime(time: Micros): string
export function printTime(time: Micros | null): string | null
export function printTime(time: Micros | null): string | null {
  return time === null ? null : new Date(Math.floor(time / 1_000)).toISOString()
}

/** ISO 8601 in UTC, with microseconds. */
export function printMicros(time: Micros): string {
  const seconds = Math.floor(time / 1_000_000)
  const rest = String(time - seconds * 1_000_000).padStart(6, '0')
  return `${new Date(seconds * 1_000).toISOString().slice(0, 19)}.${rest}Z`
}
