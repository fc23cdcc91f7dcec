/** Kinds of value that several commands take. */

import { type LogPosition, parsePosition } from '../../../events/event.ts'
import { isTime } from '../../../events/time.ts'
import { UsageError } from '../errors.ts'

/** The value as a whole number of at least 1. */
export function positiveInteger(name: string, text: string): number {
  return integer(`--${name}`, text, 1)
}

/** A whole number of at least `least`; `what` is an option with its dashes, or an argument. */
export function integer(what: string, text: string, least: number): number {
  if (/^\d{1,15}$/.test(text) && Number(text) >= least) return Number(text)
  throw new UsageError(`${what} takes a whole number of at least ${least}, not "${text}".`)
}

/** The parts of a value such as `search,tts`; undefined when it was not given. */
export function list(text: string | undefined): string[] | undefined {
  const parts = text?.split(',').map((part) => part.trim())
  return parts?.filter((part) => part !== '')
}

const unitsMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A place in the log: a position such as `0-1234`, or a time (see `moment`). */
export function placeOf(name: string, text: string | undefined): LogPosition | Date | undefined {
  if (text === undefined) return undefined
  return parsePosition(text) ?? moment(name, text, 'ago', new Date())
}

/**
 * A time: `2026-01-31T12:00:00Z`, `2026-01-31` (its first instant in UTC), or a span such as 30m, 24h or
 * 7d, which lies that far before `now`, or after it.
 */
export function moment(name: string, text: string, from: 'ago' | 'ahead', now: Date): Date {
  const span = /^(\d{1,6})([smhd])$/.exec(text)
  if (span) {
    const ms = Number(span[1]) * unitsMs[span[2] as keyof typeof unitsMs]
    return new Date(now.getTime() + (from === 'ago' ? -ms : ms))
  }
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text
  if (isTime(time)) return new Date(time)
  throw new UsageError(
    `--${name} takes a time such as 2026-01-31T12:00:00Z, a day such as 2026-01-31 or a span such as 24h, not "${text}".`,
  )
}
