/**
 * Compares the log with what stands outside of the database: how far a gateway has seen it, and with which hash at the end, and
 * what a backup has of it. A mark tells of the log's length and of one event, a backup of each event that it has.
 */
import type { Sql } from '../../../ledger/connect.ts'

/** Where a shard's log ended for whoever noted it. */
export interface Mark {
  readonly shard: number
  readonly epoch: number
  readonly position: number
  /** Of the event there, in hex; absent: it was not noted. */
  readonly hash?: string | undefined
}

/** An event of a backup. */
export interface NotedEvent {
  readonly shard: number
  readonly position: number
  /** Hex. */
  readonly hash: string
}

/** A shard's log as it is, for comparing with what was noted in an epoch. */
interface ShardLog {
  readonly epoch: number
  readonly end: number
  /** The events from here on were lost since, and the owner accepted it; null: none were. */
  readonly lostFrom: number | null
}

export interface MarkFinding {
  /** Why the log is not the one that the mark is of; undefined: it is, as far as the mark tells. */
  readonly fault?: string
  /** The last position that the mark tells of. What was lost since, which the owner accepted, it does not. */
  readonly tellsUpTo: number
  /** From here on, up to the mark, events were lost, which the owner accepted at this position; undefined: none were. */
  readonly lostFrom?: number
}

export async function compareMark(sql: Sql, mark: Mark): Promise<MarkFinding> {
  const { shard, epoch, position, hash } = mark
  const log = await readLog(sql, mark)
  const wrong = (found: string) => ({
    fault: `it has seen ${shard}-${position} of epoch ${epoch}, and ${found}`,
    tellsUpTo: 0,
  })
  if (!log) return wrong('there is no such shard')
  if (epoch > log.epoch) return wrong(`the log is at epoch ${log.epoch}`)
  if (log.lostFrom !== null && position >= log.lostFrom) {
    return { tellsUpTo: log.lostFrom - 1, lostFrom: log.lostFrom }
  }
  if (position > log.end) return wrong(`the log ends at ${shard}-${log.end}`)
  if (hash === undefined || position === 0) return { tellsUpTo: position }
  const [other] = await findOthers(sql, [{ shard, position, hash }])
  return other ? wrong('the log has another event there') : { tellsUpTo: position }
}

/** @returns those of the events that are others in the log, or missing there */
export async function findOthers(sql: Sql, events: readonly NotedEvent[]): Promise<NotedEvent[]> {
  return sql<NotedEvent[]>`
    select n.shard, n.position, n.hash
    from unnest(${events.map(({ shard }) => shard)}::smallint[], ${events.map(({ position }) => position)}::bigint[],
      ${events.map(({ hash }) => hash)}::text[]) n (shard, position, hash)
    left join events e on e.shard = n.shard and e.position = n.position
    where e.event_hash is distinct from decode(n.hash, 'hex')
    order by n.shard, n.position`
}

/** From which position on the events that a mark speaks of were lost, and that was accepted; null: none were. */
export async function lostSince(sql: Sql, mark: Mark): Promise<number | null> {
  return (await readLog(sql, mark))?.lostFrom ?? null
}

/** The owner accepts a loss by an event, from whose position on the log was lost, and which raises the epoch. */
async function readLog(sql: Sql, { shard, epoch }: Mark): Promise<ShardLog | undefined> {
  const [row] = await sql<ShardLog[]>`
    select h.epoch, h.position as end, (
      select e.position from events e where e.shard = h.shard and e.type = 'LogRestored'
      order by e.position offset ${Math.max(epoch, 1) - 1} limit 1
    ) as "lostFrom"
    from heads h where h.shard = ${shard}`
  return row
}
