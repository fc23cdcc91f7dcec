/**
 * Recorded events, page by page: the operators' feed, and a key's own history.
 *
 * The log is read in ranges of bounded size, each in a query of its own, so that a filter that matches next to nothing
 * does not keep one snapshot open over the whole log. A page comes from a bounded number of ranges, so it may have few
 * events or none although more follow.
 */
import type { LogPosition, RecordedEvent } from '../../../events/event.ts'
import type { Sql } from '../../ledger/connect.ts'
import { readShards } from '../../ledger/read/read-shards.ts'
import { findFirstEvent, findKeyOwner } from './find-account.ts'
import { readLogEnd } from './log-end.ts'
import { positionAt } from './position-at.ts'
import { selectEvents } from './select-events.ts'

export interface EventFilter {
  readonly accountId?: string
  readonly keyId?: string
  readonly types?: readonly string[]
  readonly shard?: number
  /** First and last position, in each shard that is read. */
  readonly fromPosition?: number
  readonly toPosition?: number
  /** Recorded at `from` or later, and before `to`. */
  readonly from?: Date
  readonly to?: Date
}

export interface EventPage {
  /** In the order of the log: by position, one shard after the other. */
  readonly events: readonly RecordedEvent[]
  /** Where this page ends: pass it as `after` for the next one. Absent at the log's end. */
  readonly next?: LogPosition
}

const maxEvents = 1_000
const maxRangeEvents = 50_000
const maxRanges = 20

/**
 * The events after a position, or from the beginning. There are none of a key or an account that the ledger does not
 * have. `private` is encrypted, as it was written.
 * @param limit 1 to 1,000
 * @throws RangeError for another limit
 */
export async function readEventFeed(
  sql: Sql,
  filter: EventFilter,
  { after, limit }: { readonly after?: LogPosition; readonly limit: number },
): Promise<EventPage> {
  if (!Number.isInteger(limit) || limit < 1 || limit > maxEvents) {
    throw new RangeError(`limit: expected an integer from 1 to ${maxEvents}, got ${limit}`)
  }
  const { shards, accountId } = await shardsToRead(sql, filter)
  const events: RecordedEvent[] = []
  let ranges = 0
  for (const shard of shards) {
    if (after && shard < after.shard) continue
    const bounds = await boundsOf(sql, shard, filter)
    let from = after?.shard === shard ? Math.max(bounds.from, after.position + 1) : bounds.from
    while (from <= bounds.to) {
      if (ranges++ === maxRanges) return { events, next: { shard, position: from - 1 } }
      const to = await readRangeEnd(sql, shard, filter, accountId, from, bounds.to)
      const maxRows = limit - events.length
      const found = await readRange(sql, { ...filter, shard, accountId, from, to, maxRows })
      events.push(...found)
      const last = found.at(-1)
      if (last && found.length === maxRows) {
        return { events, next: { shard, position: last.position } }
      }
      from = to + 1
    }
  }
  return { events }
}

/** The shards that can have events of the filter, and the account that they are of, where it is known. */
export async function shardsToRead(
  sql: Sql,
  filter: EventFilter,
): Promise<{ readonly shards: readonly number[]; readonly accountId: string | undefined }> {
  const { keyId, shard: wanted } = filter
  const accountId =
    keyId === undefined ? filter.accountId : (await findKeyOwner(sql, keyId))?.accountId
  const isOfNobody = keyId !== undefined && accountId === undefined
  const isOfOthers = filter.accountId !== undefined && accountId !== filter.accountId
  if (isOfNobody || isOfOthers) return { shards: [], accountId }
  const only = accountId === undefined ? undefined : (await findFirstEvent(sql, accountId))?.shard
  if (accountId !== undefined && only === undefined) return { shards: [], accountId }
  const shards = (await readShards(sql)).filter(
    (shard) => (wanted === undefined || shard === wanted) && (only === undefined || shard === only),
  )
  return { shards, accountId }
}

async function boundsOf(sql: Sql, shard: number, filter: EventFilter) {
  const end = await readLogEnd(sql, shard)
  const from = filter.from ? await positionAt(sql, shard, filter.from) : 1
  const to = filter.to ? (await positionAt(sql, shard, filter.to)) - 1 : end.position
  return {
    from: Math.max(from, filter.fromPosition ?? 1),
    to: Math.min(to, filter.toPosition ?? to, end.position),
  }
}

/**
 * The last position of a range with at most `maxRangeEvents` events to read. Where all events of an account pass the
 * filter, the page's limit bounds the range.
 */
async function readRangeEnd(
  sql: Sql,
  shard: number,
  { keyId, types }: EventFilter,
  accountId: string | undefined,
  from: number,
  to: number,
): Promise<number> {
  if (accountId === undefined) return Math.min(from + maxRangeEvents - 1, to)
  if (keyId === undefined && types === undefined) return to
  const [row] = await sql<{ position: number }[]>`
    select position from events
    where account_id = ${accountId} and shard = ${shard} and position between ${from} and ${to}
    order by position offset ${maxRangeEvents - 1} limit 1`
  return row?.position ?? to
}

interface Range {
  readonly shard: number
  readonly accountId: string | undefined
  readonly keyId?: string
  readonly types?: readonly string[]
  readonly from: number
  readonly to: number
  readonly maxRows: number
}

async function readRange(sql: Sql, range: Range): Promise<RecordedEvent[]> {
  const { shard, accountId, keyId, types, from, to, maxRows } = range
  return selectEvents(
    sql,
    sql`
    where shard = ${shard} and position between ${from} and ${to}
      ${isWanted(sql, { accountId, keyId, types })}
    order by position
    limit ${maxRows}`,
  )
}

interface Wanted {
  readonly accountId?: string | undefined
  readonly keyId?: string | undefined
  readonly types?: readonly string[] | undefined
  readonly fromPosition?: number | undefined
  readonly toPosition?: number | undefined
}

/** As a condition on an event of a shard, with `and` before it. */
export function isWanted(sql: Sql, { accountId, keyId, types, fromPosition, toPosition }: Wanted) {
  return sql`
    ${accountId === undefined ? sql`` : sql`and account_id = ${accountId}`}
    ${keyId === undefined ? sql`` : sql`and key_id = ${keyId}`}
    ${types === undefined ? sql`` : sql`and type = any(${sql.array([...types], 1009)})`}
    ${fromPosition === undefined ? sql`` : sql`and position >= ${fromPosition}`}
    ${toPosition === undefined ? sql`` : sql`and position <= ${toPosition}`}`
}
