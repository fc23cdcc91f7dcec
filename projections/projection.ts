import type { EventType } from '../events/catalogue.ts'

/**
 * A projection: tables, and one mapping from events to changes of them, written once, in SQL.
 *
 * The mapping's statements read the relation `batch` (rows of `events`) and write the projection's
 * tables by their bare names. What `batch` is, and where the names lead, is the client's: the rows
 * that an append just wrote (inline), a range of the log (catch-up and rebuild, with tables of the
 * same names elsewhere on the search path), or a range up to a position (as-of). A statement starts
 * with its verb, never with WITH, so that a client can put `with batch as (…)` before it.
 *
 * The statements of one mapping run in order, and each sees what the ones before it wrote.
 */
export interface Projection {
  readonly name: string
  /** Raised when the tables or the mapping change; the tables are then built anew from the log. */
  readonly version: number
  /** inline: applied inside the append, because appends decide by it; catch-up: behind by at most a second. */
  readonly mode: 'inline' | 'catch-up'
  /** Statements that make the tables. */
  readonly tables: readonly string[]
  /** What a row of `batch` must be for the mapping to have work at all; saves time, changes nothing. */
  readonly eventFilter: string
  readonly apply: readonly Statement[]
}

/** A statement of a mapping. */
export interface Statement {
  /** The types of events that it does something for: without any of them it need not run. */
  readonly eventTypes: readonly EventType[]
  /** What one of them must be besides, where that is rare. */
  readonly condition?: string
  /**
   * A call that begins and ends within the batch leaves no trace in what this statement writes. Where many
   * events are applied at once, it is not shown such calls.
   */
  readonly skipsCompletedCalls?: true
  readonly sql: string
}
