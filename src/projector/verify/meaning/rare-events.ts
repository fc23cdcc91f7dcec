/** Events that no call makes, as they are followed one by one. */
import { frequentTypes } from '../../../../events/event-types.ts'
import { bitsOf, type LogEvent } from '../log/log-event.ts'
import { optionalColumns } from './event-columns.ts'

/** Microseconds since 1970. */
export type Micros = number

export interface RareEvent {
  readonly position: number
  readonly recordedAt: Micros
  readonly occurredAt: Micros
  readonly type: string
  readonly streamVersion: number | null
  readonly accountId: string
  readonly keyId: string
  readonly mode: string
  readonly requestId: string
  readonly endpoint: string | null
  readonly tariff: string | null
  readonly credits: number
  readonly lots: readonly number[]
  readonly moved: readonly number[]
  readonly actor: string
  /** Of the columns that not every event has, those that it has. */
  readonly columns: readonly string[]
  // biome-ignore lint/suspicious/noExplicitAny: it is checked by its type's schema before it is read
  readonly payload: any
}

const bits = optionalColumns.map((name) => ({ name, bit: bitsOf([name]) }))

export function isRare({ type }: LogEvent): boolean {
  return !frequent.has(type)
}

const frequent: ReadonlySet<string> = new Set(frequentTypes)

/** What the log's reader has, to be kept. */
export function rareEventOf(event: LogEvent): RareEvent {
  const { position, recordedAt, occurredAt, type, streamVersion, endpoint, tariff } = event
  return {
    ...{ position, recordedAt, occurredAt, type, streamVersion, endpoint, tariff },
    accountId: event.accountId ?? '',
    keyId: event.keyId ?? '',
    mode: event.mode ?? '',
    requestId: event.requestId ?? '',
    credits: event.credits ?? 0,
    lots: [...(event.lots ?? [])],
    moved: [...(event.moved ?? [])],
    actor: event.actor,
    columns: bits.filter(({ bit }) => event.present & bit).map(({ name }) => name),
    payload: event.payload,
  }
}

/** Microseconds of a time that stands in a payload. */
export function microsOf(time: string): Micros {
  const fraction = /\.(\d{1,6})/.exec(time)?.[1] ?? ''
  const whole = Date.parse(time.replace(/\.\d+/, ''))
  return Number.isNaN(whole)
    ? microsOfOldTime(time)
    : whole * 1_000 + Number(fraction.padEnd(6, '0'))
}

/** The calendar repeats itself after so many years, and so many days. */
const cycle = { years: 400, days: 146_097 } as const

/** Old logs have times without an end, and of years beyond those of JavaScript. NaN: it is no time. */
function microsOfOldTime(time: string): Micros {
  if (time === 'infinity') return Number.POSITIVE_INFINITY
  if (time === '-infinity') return Number.NEGATIVE_INFINITY
  const [, years, rest] = /^(\d{5,6})(-.*)$/.exec(time) ?? []
  if (years === undefined) return Number.NaN
  const cycles = Math.floor((Number(years) - 2_000) / cycle.years)
  const year = Number(years) - cycles * cycle.years
  return microsOf(`${year}${rest}`) + cycles * cycle.days * 86_400_000_000
}

interface Month {
  readonly start: Micros
  readonly end: Micros
}

/** Most times are of the month that was asked for last. */
let lastMonth: Month = { start: 0, end: 0 }

/** The time at which the UTC month of a time begins, and the next one does. */
export function monthOf(time: Micros): Month {
  if (time < lastMonth.start || time >= lastMonth.end) lastMonth = findMonth(time)
  return lastMonth
}

function findMonth(time: Micros): Month {
  const day = new Date(Math.floor(time / 1_000))
  const [year, month] = [day.getUTCFullYear(), day.getUTCMonth()]
  return { start: Date.UTC(year, month) * 1_000, end: Date.UTC(year, month + 1) * 1_000 }
}
