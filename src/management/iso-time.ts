/** ISO 8601 in UTC, to the millisecond; null stays null. A time that a Date cannot have, such as `infinity`, is null too. */
export function isoTime(time: Date): string
export function isoTime(time: Date | null): string | null
export function isoTime(time: Date | null): string | null {
  return time === null || Number.isNaN(time.getTime()) ? null : time.toISOString()
}
