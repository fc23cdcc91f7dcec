/** The log as the oracle reads it: every column, times as whole microseconds since 1970. */
import type { Sql } from '../../src/ledger/connect.ts'

export type Micros = number

export interface LogEvent {
  readonly shard: number
  readonly position: number
  readonly recorded_at: Micros
  readonly occurred_at: Micros
  readonly type: string
  readonly stream_version: number | null
  readonly account_id: string
  readonly key_id: string | null
  readonly mode: string
  readonly request_id: string
  readonly endpoint: string
  readonly tariff: string
  readonly credits: number
  readonly quantity: number
  readonly slots: number | null
  readonly status: number | null
  readonly latency_ms: number | null
  readonly lots: number[] | null
  readonly held: number[] | null
  readonly moved: number[] | null
  readonly instance: string
  readonly private: string | null
  // biome-ignore lint/suspicious/noExplicitAny: payloads are read by type
  readonly payload: any
}

/** Events of a shard after a position, in order. */
export async function readLog(sql: Sql, shard = 0, after = 0): Promise<LogEvent[]> {
  const rows = await sql<{ event: LogEvent }[]>`
    select to_jsonb(e) as event from events e
    where shard = ${shard} and position > ${after} order by position`
  return rows.map(({ event }) => ({
    ...event,
    recorded_at: micros(event.recorded_at),
    occurred_at: micros(event.occurred_at),
  }))
}

/** Microseconds of an RFC 3339 text (or PostgreSQL's infinity). */
export function micros(text: unknown): Micros {
  if (text === 'infinity') return Number.POSITIVE_INFINITY
  const match = /^(.*?\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:?\d\d)$/.exec(String(text))
  if (!match) throw new Error(`not a time: ${text}`)
  return Date.parse(`${match[1]}${match[3]}`) * 1_000 + Number((match[2] ?? '').padEnd(6, '0'))
}

/** `YYYY-MM-DD` of the time's UTC day. */
export function dayOf(time: Micros): string {
  return new Date(Math.floor(time / 1_000)).toISOString().slice(0, 10)
}

/** `YYYY-MM-DDTHH:00:00+00:00` of the time's UTC hour. */
export function hourOf(time: Micros): string {
  return `${new Date(Math.floor(time / 1_000)).toISOString().slice(0, 13)}:00:00+00:00`
}

/** `YYYY-MM-01` of the time's UTC month. */
export function monthOf(time: Micros): string {
  return `${dayOf(time).slice(0, 7)}-01`
}
