/** Events that no call makes, as they are followed one by one. */
import { frequentTypes } from '../../../../events/event-types.ts'
import { typeNotIn } from '../../../../events/type-condition.ts'
import type { Sql } from '../../../ledger/connect.ts'
import { eventsOf, type LogRange } from '../log-check.ts'
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

/** In the order of the log. */
export async function readRareEvents(sql: Sql, range: LogRange): Promise<RareEvent[]> {
  const present = optionalColumns.map((name) => `case when ${name} is not null then '${name}' end`)
  return sql.unsafe<RareEvent[]>(`
    select position, type, stream_version as "streamVersion", coalesce(account_id, '') as "accountId",
      (extract(epoch from recorded_at) * 1000000)::float8 as "recordedAt",
      (extract(epoch from occurred_at) * 1000000)::float8 as "occurredAt",
      coalesce(key_id, '') as "keyId", coalesce(mode, '') as mode, coalesce(request_id, '') as "requestId",
      endpoint, tariff, coalesce(credits, 0) as credits, coalesce(lots, '{}') as lots, coalesce(moved, '{}') as moved,
      actor, payload, array_remove(array[${present.join(', ')}], null) as columns
    from ${eventsOf(range)} and ${typeNotIn(frequentTypes)}
    order by position`)
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
