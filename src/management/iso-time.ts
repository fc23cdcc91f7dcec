/** ISO 8601 in UTC, to the millisecond; null stays null. */
export function isoTime(time: Date): string
export function isoTime(time: Date | null): string | null
export function isoTime(time: Date | null): string | null {
  return time === null ? null : time.toISOString()
}
