/**
 * What an export reads: events as rows of their columns, and statements as rows of their entries. Read in
 * ranges, each in a statement of its own, so that no snapshot lives long and memory holds one range at most.
 */
import { type LogPosition, parsePosition, printPosition } from '../../events/event.ts'
import type { Sql } from '../ledger/connect.ts'
import { readShards } from '../ledger/read/read-for-calls.ts'
import { positionAt, readLogEnd } from './log-reader/log-range.ts'
import { readStatement } from './statement/read-statement.ts'
import { entriesOf, entryColumns } from './statement/statement-entries.ts'

/** time: microseconds since 1970; json: its exact text. */
type ColumnKind = 'text' | 'integer' | 'time' | 'integers' | 'json'

export interface Column {
  readonly name: string
  readonly kind: ColumnKind
}

/** By its column's kind. */
export type Value = string | number | readonly number[] | null

interface Batch {
  /** Where it ends: reading again after it goes on with the next row. */
  readonly upTo: string
  readonly rows: readonly (readonly Value[])[]
}

export interface Rows {
  readonly columns: readonly Column[]
  /** How many there are, where that is known before they are read. */
  readonly total?: number
  /** In an order that does not change; from the beginning, or after where a batch ended. */
  batches(after?: string): AsyncGenerator<Batch>
}

/** A position, a time, or the beginning or the end. */
type Place = LogPosition | Date | undefined

/** First and last position, by shard. */
export interface EventRange {
  readonly shard: number
  readonly from: number
  readonly to: number
}

const eventColumns: readonly (Column & { readonly sql: string })[] = [
  { name: 'shard', kind: 'integer', sql: 'shard' },
  { name: 'position', kind: 'integer', sql: 'position' },
  { name: 'recordedAt', kind: 'time', sql: microsOf('recorded_at') },
  { name: 'occurredAt', kind: 'time', sql: microsOf('occurred_at') },
  { name: 'type', kind: 'text', sql: 'type' },
  { name: 'streamVersion', kind: 'integer', sql: 'stream_version' },
  { name: 'accountId', kind: 'text', sql: 'account_id' },
  { name: 'keyId', kind: 'text', sql: 'key_id' },
  { name: 'mode', kind: 'text', sql: 'mode' },
  { name: 'requestId', kind: 'text', sql: 'request_id' },
  { name: 'endpoint', kind: 'text', sql: 'endpoint' },
  { name: 'tariff', kind: 'text', sql: 'tariff' },
  { name: 'credits', kind: 'integer', sql: 'credits' },
  { name: 'quantity', kind: 'integer', sql: 'quantity' },
  { name: 'slots', kind: 'integer', sql: 'slots' },
  { name: 'status', kind: 'integer', sql: 'status' },
  { name: 'latencyMs', kind: 'integer', sql: 'latency_ms' },
  { name: 'lots', kind: 'integers', sql: 'lots' },
  { name: 'held', kind: 'integers', sql: 'held' },
  { name: 'moved', kind: 'integers', sql: 'moved' },
  { name: 'actor', kind: 'text', sql: 'actor' },
  { name: 'instance', kind: 'text', sql: 'instance' },
  { name: 'payload', kind: 'json', sql: 'payload::text' },
  { name: 'event_hash', kind: 'text', sql: `encode(event_hash, 'hex')` },
]

const rangeSize = 5_000

/** The events of the ranges: everything but the encrypted personal data. */
export function eventRows(sql: Sql, ranges: readonly EventRange[]): Rows {
  const selected = eventColumns.map((column) => column.sql).join(', ')
  return {
    columns: eventColumns.map(({ name, kind }) => ({ name, kind })),
    total: ranges.reduce((sum, { from, to }) => sum + Math.max(to - from + 1, 0), 0),
    async *batches(after) {
      const last = after === undefined ? undefined : parsePosition(after)
      for (const range of ranges) {
        if (last && range.shard < last.shard) continue
        let from = range.shard === last?.shard ? last.position + 1 : range.from
        for (; from <= range.to; from += rangeSize) {
          const to = Math.min(from + rangeSize - 1, range.to)
          const rows = await sql`
            select ${sql.unsafe(selected)} from events
            where shard = ${range.shard} and position between ${from} and ${to}
            order by position`.values()
          yield {
            upTo: printPosition({ shard: range.shard, position: to }),
            rows: rows as Value[][],
          }
        }
      }
    },
  }
}

/**
 * The ranges between two places, which end where the log ends now. A position says where in its own
 * shard to begin or to end, and leaves the other shards out.
 */
export async function eventRanges(
  sql: Sql,
  { from, to }: { readonly from: Place; readonly to: Place },
): Promise<EventRange[]> {
  const only = [from, to].find((place) => place !== undefined && !(place instanceof Date))
  const ranges: EventRange[] = []
  for (const shard of await readShards(sql)) {
    if (only && !(only instanceof Date) && only.shard !== shard) continue
    const end = await readLogEnd(sql, shard)
    ranges.push({
      shard,
      from: await placeIn(sql, shard, from, 1),
      to: Math.min(
        to instanceof Date
          ? (await positionAt(sql, shard, to)) - 1
          : (to?.position ?? end.position),
        end.position,
      ),
    })
  }
  return ranges
}

async function placeIn(sql: Sql, shard: number, place: Place, otherwise: number): Promise<number> {
  if (place instanceof Date) return positionAt(sql, shard, place)
  return place?.position ?? otherwise
}

const integerEntries: readonly string[] = ['calls', 'quantity', 'credits', 'debt', 'minorUnits']

/** Every account's statement of a month, as entries, in the order of their ids. */
export function statementRows(
  sql: Sql,
  period: { readonly month: string; readonly timeZone: string },
): Rows {
  return {
    columns: entryColumns.map((name) => ({
      name,
      kind: name === 'time' ? 'time' : integerEntries.includes(name) ? 'integer' : 'text',
    })),
    async *batches(after = '') {
      for (let last = after; ; ) {
        const accounts = await sql<{ id: string }[]>`
          select account_id as id from account_state
          where account_id > ${last} order by account_id limit 50`
        const rows: Value[][] = []
        for (const { id } of accounts) {
          const found = await readStatement(sql, { accountId: id, ...period })
          const entries = found ? entriesOf(found) : []
          // An account to which nothing happened by then has a closing of nothing.
          if (entries.some(({ entry, credits }) => entry !== 'closing' || credits !== 0)) {
            rows.push(
              ...entries.map((entry) => entryColumns.map((name) => cell(name, entry[name]))),
            )
          }
        }
        const end = accounts.at(-1)
        if (!end) return
        last = end.id
        yield { upTo: last, rows }
      }
    },
  }
}

function cell(name: string, value: string | number | null): Value {
  return name === 'time' && typeof value === 'string' ? Date.parse(value) * 1_000 : value
}

function microsOf(column: string): string {
  return `(extract(epoch from ${column}) * 1000000)::bigint`
}
