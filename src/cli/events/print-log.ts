/** Prints events page by page, as they are read. So a log of any length can be printed. */
import { type LogPosition, printPosition, type RecordedEvent } from '../../../events/event.ts'
import type { Sql } from '../../ledger/connect.ts'
import { readShards } from '../../ledger/read/read-shards.ts'
import { readReasons } from '../../management/read-reasons.ts'
import { type EventFilter, readEventFeed } from '../../reports/log-reader/event-feed.ts'
import { readLogEnd } from '../../reports/log-reader/log-end.ts'
import { write } from '../output.ts'
import type { EventLine } from './event-line.ts'

const pageSize = 500
const pollMs = 500

/** Prints the events that match `filter`, up to `limit` of them. */
export async function printLog(
  sql: Sql,
  filter: EventFilter,
  limit: number | undefined,
  lineOf: EventLine,
): Promise<void> {
  let left = limit ?? Number.POSITIVE_INFINITY
  let after: LogPosition | undefined
  do {
    const page = { limit: Math.min(left, pageSize), ...(after && { after }) }
    const { events, next } = await readEventFeed(sql, filter, page)
    await printPage(sql, events, lineOf)
    left -= events.length
    after = next
  } while (after && left > 0)
}

/**
 * Prints events for ever, as they come. Each shard has an order of its own, so it is followed from a position of its
 * own.
 */
export async function followLog(
  sql: Sql,
  filter: EventFilter,
  onlyNew: boolean,
  lineOf: EventLine,
): Promise<never> {
  const printedTo = new Map<number, number>()
  for (const shard of await readShards(sql)) {
    printedTo.set(shard, onlyNew ? (await readLogEnd(sql, shard)).position : 0)
  }
  for (;;) {
    for (const [shard, position] of printedTo) {
      printedTo.set(shard, await printNew(sql, filter, { shard, position }, lineOf))
    }
    await Bun.sleep(pollMs)
  }
}

/** Prints the events of one shard after a position. @returns the position up to which they are printed */
async function printNew(
  sql: Sql,
  filter: EventFilter,
  { shard, position }: LogPosition,
  lineOf: EventLine,
): Promise<number> {
  // Read before the events, so that no event up to it can be missed.
  const end = await readLogEnd(sql, shard)
  let after = position
  while (after < end.position) {
    const page = { limit: pageSize, after: { shard, position: after } }
    const { events, next } = await readEventFeed(sql, { ...filter, shard }, page)
    await printPage(sql, events, lineOf)
    after = next?.position ?? Math.max(end.position, events.at(-1)?.position ?? 0)
  }
  return after
}

async function printPage(
  sql: Sql,
  events: readonly RecordedEvent[],
  lineOf: EventLine,
): Promise<void> {
  if (events.length === 0) return
  const reasons = await readReasons(sql, events)
  await write(
    events.map((event) => `${lineOf(event, reasons.get(printPosition(event)))}\n`).join(''),
  )
}
