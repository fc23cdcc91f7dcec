/** Compares a backup's events with the log, while its lines go by. */
import { lineKinds } from '../../../ledger/backup/backup-format.ts'
import { RestoreRefused } from '../../../ledger/backup/restore-refused.ts'
import type { Sql } from '../../../ledger/connect.ts'
import {
  compareMark,
  findOthers,
  lostSince,
  type Mark,
  type MarkFinding,
  type NotedEvent,
} from './check-evidence.ts'

interface BackupComparison {
  /** Passes the lines on, head first, and compares those that are events. @throws RestoreRefused */
  passing(lines: AsyncIterable<string>): AsyncGenerator<string>
  /** What was found, once all lines went by. */
  end(heads: readonly Mark[]): Promise<{
    readonly faulty: number
    /** The first of them. */
    readonly faults: readonly string[]
    /** What was found of each head. */
    readonly compared: readonly (readonly [Mark, MarkFinding])[]
  }>
}

const maxEventsAtOnce = 5_000

/** @param maxDescribed events to name; the others are only counted */
export function openBackupComparison(sql: Sql, maxDescribed: number): BackupComparison {
  const faults: string[] = []
  let faulty = 0
  /** By shard: from there on the backup's events were lost, which was accepted. */
  const lostFrom = new Map<number, number | null>()
  let waiting: NotedEvent[] = []

  function note(fault: string): void {
    if (++faulty <= maxDescribed) faults.push(fault)
  }

  async function compareWaiting(): Promise<void> {
    const events = waiting
    waiting = []
    for (const { shard, position } of await findOthers(sql, events)) {
      if (position < (lostFrom.get(shard) ?? Number.POSITIVE_INFINITY)) {
        note(`${shard}-${position} is another event in the log, or missing there`)
      }
    }
  }

  return {
    async *passing(lines) {
      for await (const line of lines) {
        // Whoever reads the lines refuses one that is none.
        yield line
        if (line.startsWith('{"head"')) {
          const heads: readonly Mark[] = JSON.parse(line).head.shards
          for (const head of heads) lostFrom.set(head.shard, await lostSince(sql, head))
        } else if (line.startsWith('{"event"')) {
          if (waiting.push(eventOf(line)) >= maxEventsAtOnce) await compareWaiting()
        }
      }
    },
    async end(heads) {
      await compareWaiting()
      const compared: [Mark, MarkFinding][] = []
      for (const head of heads) {
        // The event at its end is compared like the others.
        const finding = await compareMark(sql, { ...head, hash: undefined })
        if (finding.fault !== undefined) note(finding.fault)
        compared.push([head, finding])
      }
      return { faulty, faults, compared }
    },
  }
}

const columns = lineKinds.events.columns.map(([name]) => name)
const [shardAt, positionAt, hashAt] = [
  columns.indexOf('shard'),
  columns.indexOf('position'),
  columns.indexOf('event_hash'),
]

function eventOf(line: string): NotedEvent {
  try {
    const { event } = JSON.parse(line)
    const [shard, position, hash] = [event[shardAt], event[positionAt], event[hashAt]]
    if (isSmall(shard) && Number.isSafeInteger(position) && /^([0-9a-f]{2})*$/.test(hash)) {
      return { shard, position, hash }
    }
  } catch {
    // Said below.
  }
  throw new RestoreRefused('changed', 'it has a line that no backup has')
}

function isSmall(value: unknown): boolean {
  return Number.isInteger(value) && Math.abs(value as number) <= 32_767
}
