/** Reads the values of options. Each function throws a UsageError that names the option and says what it takes. */
import { type LogPosition, parsePosition } from '../../../events/event.ts'
import { isTime } from '../../../events/time.ts'
import { UsageError } from '../usage-error.ts'

/** A whole number of at least 1. */
export function parsePositiveInteger(option: string, text: string): number {
  return parseInteger(option, text, 1)
}

/** A whole number of at least `min`. */
export function parseInteger(option: string, text: string, min: number): number {
  if (/^\d{1,15}$/.test(text) && Number(text) >= min) return Number(text)
  throw new UsageError(`${option} takes a whole number of at least ${min}, not "${text}".`)
}

/** The parts of a value such as `search,tts`. */
export function parseList(text: string | undefined): string[] | undefined {
  const parts = text?.split(',').map((part) => part.trim())
  return parts?.filter((part) => part !== '')
}

/** A position in the log, such as `0-1234`, or a time in the past (see `parseTime`). */
export function parsePositionOrTime(
  option: string,
  text: string | undefined,
): LogPosition | Date | undefined {
  if (text === undefined) return undefined
  return parsePosition(text) ?? parseTime(option, text, 'past', new Date())
}

const unitsMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * A time such as `2026-01-31T12:00:00Z`, a day such as `2026-01-31` (its first instant in UTC), or a span such as
 * 30m, 24h or 7d, counted from `now` into the past or the future.
 */
export function parseTime(
  option: string,
  text: string,
  direction: 'past' | 'future',
  now: Date,
): Date {
  const span = /^(\d{1,6})([smhd])$/.exec(text)
  if (span) {
    const spanMs = Number(span[1]) * unitsMs[span[2] as keyof typeof unitsMs]
    return new Date(now.getTime() + (direction === 'past' ? -spanMs : spanMs))
  }
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text
  if (isTime(time)) return new Date(time)
  throw new UsageError(
    `${option} takes a time such as 2026-01-31T12:00:00Z, a day such as 2026-01-31 or a span such as 24h, not "${text}".`,
  )
}
