/**
 * Whether a shard's log keeps the rules of a log, event by event: it is in order and unchanged (order-rules.ts), no
 * credit is spent that was not there (credit-rules.ts), and every event is one that the ledger would have written after
 * those before it (meaning/). The kinds of rules can be checked side by side.
 *
 * A field that a sound event has and this one lacks counts as nothing: damage is to be found, and must not end the
 * search. The log is read once for each kind of rules, range by range. What later ranges need to know of earlier ones
 * is carried over in temporary tables.
 */
import type { Sql } from '../../ledger/connect.ts'
import { adaptiveBatch } from '../adaptive-batch.ts'
import { bulkSettings } from '../apply-range.ts'
import type { Progress } from '../progress.ts'
import { type SearchPath, withSearchPath } from '../search-path.ts'
import { openTemporaryTables, type TemporaryOptions } from '../temporary-tables.ts'
import { LogEvent } from './log/log-event.ts'
import { readLog } from './log/read-log.ts'

/** What is wrong, and at which event. */
export interface LogFault {
  readonly shard: number
  readonly position: number
  readonly fault: string
}

export interface LogVerification {
  readonly shard: number
  /** The last position that was read. */
  readonly upTo: number
  /** How many faults there are, and the first of them. */
  readonly faulty: number
  readonly faults: readonly LogFault[]
}

/** Says what is wrong with an event, or with what stands at the end of a range. */
export type Note = (fault: string) => void

/** Rules of a log, which follow it event by event. */
export interface LogRules {
  follow(event: LogEvent, note: Note): void
  /** After the last event of a range; what it notes is noted at the range's end. */
  endRange?(range: LogRange, note: Note): void
}

/** Events of a shard after a position, up to another one. */
export interface LogRange {
  readonly shard: number
  readonly after: number
  readonly upTo: number
  /** Where the log ended when it was asked last. */
  readonly end: number
}

export interface LogCheck {
  /** Reads on to the log's present end; returns what was found since the beginning. */
  advance(progress?: Progress): Promise<LogVerification>
  close(): Promise<void>
}

export interface LogCheckOptions extends TemporaryOptions {
  readonly shard: number
  /** Faults to describe; the others are only counted. */
  readonly maxDescribed: number
}

/**
 * Opens the check of a shard's log by these rules, on a connection of its own. The log is read once for all of them, and each
 * event is given to one after the other.
 */
export function openLogCheck(
  name: string,
  rules: readonly LogRules[],
  options: LogCheckOptions,
): Promise<LogCheck> {
  const event = new LogEvent()
  return openRangeCheck(name, [], options, async (range, { sql }) => {
    const findings: Finding[] = []
    let position = 0
    const note: Note = (fault) => {
      findings.push({ position, fault })
    }
    await readLog(sql, eventsOf(range), event, () => {
      position = event.position
      for (const each of rules) each.follow(event, note)
    })
    position = range.upTo
    for (const each of rules) each.endRange?.(range, note)
    return findings
  })
}

/** `events where …`: those of a range, to which conditions can be added. */
export function eventsOf({ shard, after, upTo }: Omit<LogRange, 'end'>): string {
  return `events where shard = ${shard} and position > ${after} and position <= ${upTo}`
}

/** What is wrong with an event. */
export type Finding = Omit<LogFault, 'shard'>

/** The connection of a check, whose temporary tables and the ledger's have bare names. */
export interface CheckConnection {
  readonly sql: Sql
  readonly searchPath: SearchPath
  /** Runs statements as one transaction, and returns the rows of the last one. */
  run<Row>(statements: readonly string[]): Promise<Row[]>
}

/**
 * Opens a check that reads the log range by range, on a connection of its own.
 * @param tables statements that make its temporary tables
 */
export async function openRangeCheck(
  name: string,
  tables: readonly string[],
  options: LogCheckOptions,
  checkRange: (range: LogRange, connection: CheckConnection) => Promise<Finding[]>,
): Promise<LogCheck> {
  const { shard, maxDescribed } = options
  const { sql, searchPath } = await openTemporaryTables(tables, options)
  const connection: CheckConnection = {
    ...{ sql, searchPath },
    async run<Row>(statements: readonly string[]) {
      const results = await sql.unsafe(withSearchPath(searchPath, [...bulkSettings, ...statements]))
      return ((results as unknown as Row[][]).at(-1) ?? []) as Row[]
    },
  }
  const batch = adaptiveBatch()
  const faults: LogFault[] = []
  let [position, faulty] = [0, 0]

  return {
    async advance(progress = () => {}) {
      const [head] = await sql<{ position: number }[]>`
        select position from heads where shard = ${shard}`
      const end = head?.position ?? 0
      while (position < end) {
        const [after, upTo] = [position, Math.min(position + batch.size, end)]
        await batch.run(async () => {
          const found = await checkRange({ shard, after, upTo, end }, connection)
          faulty += found.length
          const described = found.map((each) => ({ shard, ...each })).sort(byPosition)
          faults.push(...described.slice(0, Math.max(maxDescribed - faults.length, 0)))
        })
        position = upTo
        progress(name, end, position)
      }
      return { shard, upTo: position, faulty, faults }
    },
    close: () => sql.end({ timeout: 5 }),
  }
}

/** The verifications of several kinds of rules on one log, as one. */
export function combineVerifications(
  verifications: readonly LogVerification[],
  maxDescribed: number,
): LogVerification {
  const [{ shard }] = verifications as [LogVerification]
  return {
    shard,
    upTo: Math.min(...verifications.map(({ upTo }) => upTo)),
    faulty: verifications.reduce((sum, { faulty }) => sum + faulty, 0),
    faults: verifications
      .flatMap(({ faults }) => faults)
      .sort(byPosition)
      .slice(0, maxDescribed),
  }
}

function byPosition(a: LogFault, b: LogFault): number {
  return a.position - b.position
}
