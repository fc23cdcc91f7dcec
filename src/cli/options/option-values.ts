/** Reads the values of options. Each function throws a UsageError that names the option and says what it takes. */
import { maxAmount, maxInteger, timesEnd } from '../../../events/bounds.ts'
import { type LogPosition, parsePosition } from '../../../events/event.ts'
import { isTime } from '../../../events/time.ts'
import { countCharacters } from '../../lib/count-characters.ts'
import { formatNumber } from '../../lib/format-figures.ts'
import { UsageError } from '../usage-error.ts'

/** A whole number of at least 1. */
export function parsePositiveInteger(option: string, text: string): number {
  return parseInteger(option, text, 1)
}

/** A whole number from `min` to `max`. */
export function parseInteger(option: string, text: string, min: number, max = maxInteger): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new UsageError(`${option} takes a whole number from ${min} to ${max}, not "${text}".`)
}

/** Credits, or another amount, of at least `min`. */
export function parseAmount(option: string, text: string, min: number): number {
  return parseInteger(option, text, min, maxAmount)
}

/** A text that is stored, with the bounds that the API has for it. */
export function parseText(option: string, text: string, maxCharacters: number): string {
  if (text !== '' && countCharacters(text) <= maxCharacters) return text
  throw new UsageError(`${option} takes a text of 1 to ${formatNumber(maxCharacters)} characters.`)
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

const spanForm = /^(\d{1,6})([smhd])$/

/** Whether a text is a span such as 24h, which is another time whenever it is read. */
export function isSpan(text: string): boolean {
  return spanForm.test(text)
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
  const span = spanForm.exec(text)
  if (span) {
    const spanMs = Number(span[1]) * unitsMs[span[2] as keyof typeof unitsMs]
    const time = new Date(now.getTime() + (direction === 'past' ? -spanMs : spanMs))
    if (isLedgerTime(time)) return time
    throw new UsageError(`${option} takes a span that ends between 1970 and 2200, not "${text}".`)
  }
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text
  if (isTime(time)) return new Date(time)
  throw new UsageError(
    `${option} takes a time such as 2026-01-31T12:00:00Z, a day such as 2026-01-31 or a span such as 24h, from 1970 on and before 2200, not "${text}".`,
  )
}

function isLedgerTime(time: Date): boolean {
  return time.getTime() >= 0 && time.getTime() < Date.parse(timesEnd)
}
