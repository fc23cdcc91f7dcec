/** Events as rows of their columns. */
import { type LogPosition, parsePosition, printPosition } from '../../../events/event.ts'
import type { Sql } from '../../ledger/connect.ts'
import { readShards } from '../../ledger/read/read-shards.ts'
import { readLogEnd } from './log-end.ts'
import { positionAt } from './position-at.ts'
import { type PositionRange, positionRanges } from './position-ranges.ts'
import type { CellValue, RowColumn, RowSource } from './row-source.ts'

export interface EventRange extends PositionRange {
  readonly shard: number
}

const eventColumns: readonly (RowColumn & { readonly sql: string })[] = [
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
  { name: 'login', kind: 'text', sql: 'login' },
  { name: 'payload', kind: 'json', sql: 'payload::text' },
  { name: 'eventHash', kind: 'text', sql: `encode(event_hash, 'hex')` },
]

const maxRangePositions = 5_000

/** The events of some ranges, with everything but the encrypted personal data. */
export function eventRows(sql: Sql, ranges: readonly EventRange[]): RowSource {
  const selected = eventColumns.map((column) => column.sql).join(', ')
  return {
    columns: eventColumns.map(({ name, kind }) => ({ name, kind })),
    total: ranges.reduce((sum, { from, to }) => sum + Math.max(to - from + 1, 0), 0),
    async *batches(after) {
      const last = after === undefined ? undefined : parsePosition(after)
      for (const { shard, from, to } of ranges) {
        if (last && shard < last.shard) continue
        const rest = { from: shard === last?.shard ? last.position + 1 : from, to }
        for (const range of positionRanges(rest, maxRangePositions)) {
          const rows = await sql`
            select ${sql.unsafe(selected)} from events
            where shard = ${shard} and position between ${range.from} and ${range.to}
            order by position`.values()
          yield {
            upTo: printPosition({ shard, position: range.to }),
            rows: rows as CellValue[][],
          }
        }
      }
    },
  }
}

/** The beginning or the end of what is read: a position, a time, or undefined for all. */
type Bound = LogPosition | Date | undefined

/**
 * The ranges of all shards from one bound to another, up to the present end of the log. A bound that is a position
 * leaves out all shards but its own.
 */
export async function eventRanges(
  sql: Sql,
  { from, to }: { readonly from: Bound; readonly to: Bound },
): Promise<EventRange[]> {
  const only = [from, to].find((bound) => bound !== undefined && !(bound instanceof Date))
  const ranges: EventRange[] = []
  for (const shard of await readShards(sql)) {
    if (only && !(only instanceof Date) && only.shard !== shard) continue
    const end = await readLogEnd(sql, shard)
    const first = from instanceof Date ? await positionAt(sql, shard, from) : from?.position
    const last = to instanceof Date ? (await positionAt(sql, shard, to)) - 1 : to?.position
    ranges.push({ shard, from: first ?? 1, to: Math.min(last ?? end.position, end.position) })
  }
  return ranges
}

function microsOf(column: string): string {
  return `(extract(epoch from ${column}) * 1000000)::float8`
}
