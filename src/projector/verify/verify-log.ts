/**
 * Whether a shard's log is what a log has to be, event by event: in order and unchanged (verify-order.ts), and with
 * no credit spent that was not there (verify-credits.ts). The two can be looked at side by side.
 *
 * Fields that a sound event has and this one lacks are taken for nothing: what was damaged is to be found, and not to
 * end the search. The log is read once by each, range by range. What later ranges need to know of earlier ones is
 * carried in temporary tables.
 */
import { at, bulkSettings } from '../mapping.ts'
import { openAdaptiveBatch, type Progress } from '../ranges.ts'
import { openTemporary, type TemporaryOptions } from '../temporary-tables.ts'

/** What is wrong, and at which event. */
export interface LogFault {
  readonly shard: number
  readonly position: number
  readonly fault: string
}

export interface LogVerdict {
  readonly shard: number
  /** The last position that was read. */
  readonly upTo: number
  /** How many faults there are, and the first of them. */
  readonly faulty: number
  readonly faults: readonly LogFault[]
}

/** Rules of a log, as SQL. */
export interface LogRules {
  readonly name: string
  /** Statements that make the empty tables for what is carried from range to range. */
  readonly carried: readonly string[]
  /**
   * Statements that put what is wrong into `faults`, and carry on.
   * @param events `events where …`: those of the range, to which conditions can be added
   */
  ofRange(events: string, range: LogRange): string[]
}

/** Events of a shard after a position, up to another. */
export interface LogRange {
  readonly shard: number
  readonly after: number
  readonly upTo: number
}

export interface LogCheck {
  /** Reads on to the log's present end; answers what was found since the beginning. */
  advance(progress?: Progress): Promise<LogVerdict>
  close(): Promise<void>
}

export interface LogCheckOptions extends TemporaryOptions {
  readonly shard: number
  /** Faults to remember; the others are only counted. */
  readonly most: number
}

/** Opens the check of a shard's log by these rules, on a connection of its own. */
export async function openLogCheck(rules: LogRules, options: LogCheckOptions): Promise<LogCheck> {
  const { shard, most } = options
  const found = 'create table faults (position bigint not null, fault text not null)'
  const { sql, place } = await openTemporary([found, ...rules.carried], options)
  const adaptiveBatch = openAdaptiveBatch()
  const faults: LogFault[] = []
  let [position, faulty] = [0, 0]

  async function readRange(range: LogRange): Promise<LogFault[]> {
    const { after, upTo } = range
    const events = `events where shard = ${shard} and position > ${after} and position <= ${upTo}`
    const statements = [
      ...bulkSettings,
      ...rules.ofRange(events, range),
      'delete from faults returning position, fault',
    ]
    const results = await sql.unsafe(at(place, statements))
    const found = (results as unknown as { position: number; fault: string }[][]).at(-1) ?? []
    return found.map(({ position, fault }) => ({ shard, position, fault })).sort(byPosition)
  }

  return {
    async advance(progress = () => {}) {
      const [head] = await sql<{ position: number }[]>`
        select position from heads where shard = ${shard}`
      const end = head?.position ?? 0
      while (position < end) {
        const [after, upTo] = [position, Math.min(position + adaptiveBatch.size, end)]
        await adaptiveBatch.step(async () => {
          const found = await readRange({ shard, after, upTo })
          faulty += found.length
          faults.push(...found.slice(0, Math.max(most - faults.length, 0)))
        })
        position = upTo
        progress(rules.name, end, position)
      }
      return { shard, upTo: position, faulty, faults }
    },
    close: () => sql.end({ timeout: 5 }),
  }
}

/** What several rules say of one log. */
export function allOf(verdicts: readonly LogVerdict[], most: number): LogVerdict {
  const [{ shard }] = verdicts as [LogVerdict]
  return {
    shard,
    upTo: Math.min(...verdicts.map(({ upTo }) => upTo)),
    faulty: verdicts.reduce((sum, { faulty }) => sum + faulty, 0),
    faults: verdicts
      .flatMap(({ faults }) => faults)
      .sort(byPosition)
      .slice(0, most),
  }
}

function byPosition(a: LogFault, b: LogFault): number {
  return a.position - b.position
}
