/** Which month or day a statement is asked for. */
import { isTimeZone } from '../../lib/time-zone.ts'
import { dayPeriod, monthPeriod, type Period } from '../log-reader/period.ts'

/** One of `month` and `day`. */
export interface PeriodRequest {
  /** `YYYY-MM` */
  readonly month?: string
  /** `YYYY-MM-DD` */
  readonly day?: string
  /** IANA name; UTC unless given. */
  readonly timeZone?: string
}

/** There can be no statement of what was asked for; the message is a sentence that says why. */
export class BadPeriod extends Error {
  override readonly name = 'BadPeriod'

  /** @param field JSON pointer to the part of the request that is at fault */
  constructor(
    readonly field: '/month' | '/day' | '/tz' | '/asOf',
    message: string,
  ) {
    super(message)
  }
}

/** @throws BadPeriod when the month, the day or the time zone does not exist */
export function parsePeriod({ month, day, timeZone = 'UTC' }: PeriodRequest): Period {
  if (!isTimeZone(timeZone)) {
    throw new BadPeriod('/tz', `"${timeZone}" is no time zone, such as Europe/Berlin`)
  }
  const period = day === undefined ? monthPeriod(month ?? '', timeZone) : dayPeriod(day, timeZone)
  if (period) return period
  throw day === undefined
    ? new BadPeriod('/month', `"${month ?? ''}" is not a month: write it as 2026-01`)
    : new BadPeriod('/day', `"${day}" is not a day: write it as 2026-01-31`)
}
