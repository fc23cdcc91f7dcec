/** Recorded events, the newest first: of all shards in the order of their times, those of one shard in its own. */
import type { LogPosition, RecordedEvent } from '../../../events/event.ts'
import type { Sql } from '../../ledger/connect.ts'
import { type EventFilter, type EventPage, isWanted, shardsToRead } from './event-feed.ts'
import { positionAt } from './position-at.ts'
import { selectEvents } from './select-events.ts'

/** Of an event, as accurate as a JavaScript time: this is the order of events of several shards. */
interface Moment extends LogPosition {
  readonly atMs: number
}

/**
 * The events before a position, or from the log's end. A filter that little of the log passes can take as long as a report may.
 * @param before the last event of the page before
 */
export async function readNewestEvents(
  sql: Sql,
  filter: Omit<EventFilter, 'from' | 'to'>,
  { before, limit }: { readonly before?: LogPosition | undefined; readonly limit: number },
): Promise<EventPage> {
  const { shards, accountId } = await shardsToRead(sql, filter)
  const last = before && (await momentOf(sql, before))
  if (before && !last) return { events: [] }
  const found: RecordedEvent[] = []
  for (const shard of shards) {
    const end = last && (await endBefore(sql, shard, last))
    found.push(
      ...(await selectEvents(
        sql,
        sql`
        where shard = ${shard} ${end === undefined ? sql`` : sql`and position < ${end}`}
          ${isWanted(sql, { ...filter, accountId })}
        order by position desc
        limit ${limit + 1}`,
      )),
    )
  }
  const events = found
    .sort((a, b) => b.recordedAt.getTime() - a.recordedAt.getTime() || b.shard - a.shard)
    .slice(0, limit)
  const oldest = found.length > limit ? events.at(-1) : undefined
  return { events, ...(oldest && { next: { shard: oldest.shard, position: oldest.position } }) }
}

async function momentOf(sql: Sql, { shard, position }: LogPosition): Promise<Moment | undefined> {
  const [event] = await selectEvents(sql, sql`where shard = ${shard} and position = ${position}`)
  return event && { shard, position, atMs: event.recordedAt.getTime() }
}

/** The first position of a shard that does not come before the event: of the same millisecond, lower shards do. */
function endBefore(sql: Sql, shard: number, last: Moment): Promise<number> | number {
  if (shard === last.shard) return last.position
  return positionAt(sql, shard, new Date(shard < last.shard ? last.atMs + 1 : last.atMs))
}
