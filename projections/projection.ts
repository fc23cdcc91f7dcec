import type { EventType } from '../events/catalogue.ts'
import type { AddedRows } from './adding-up.ts'

/**
 * A projection: tables, and one mapping from events to changes of them, written once, in SQL.
 *
 * The mapping's statements read the relation `batch` (rows of `events`) and write the projection's tables by their bare
 * names. What `batch` is and where the names lead is up to whoever runs them:
 *
 *   - in an append, `batch` is what the append just wrote (the inline projections);
 *   - in catch-up and rebuild, it is a range of the log, and in a rebuild the names lead to shadow tables;
 *   - in as-of and verify, it is a range too, and the names lead to temporary tables.
 *
 * A statement starts with its verb and never with WITH, so that `with batch as (…)` can stand before it. The
 * statements of one mapping run in order, and each sees what the ones before it wrote.
 */
export interface Projection {
  /** In snake case, because it becomes part of a function's name. */
  readonly name: string
  /** Raised when the tables or the mapping change; the tables are then built anew from the log. */
  readonly version: number
  /**
   * An inline projection is applied inside the append, because appends decide by it. A catch-up projection follows, at
   * most a second later. (The mode of keys and events, live or test, is something else.)
   */
  readonly mode: 'inline' | 'catch-up'
  /** Of catch-up: nothing but charts is drawn from it. It follows every few seconds, for many events at once cost less. */
  readonly isForCharts?: true
  /**
   * Statements that make the tables, and their indexes. Each begins `create table NAME (`, `create index` or
   * `create unique index`, in lower case: projection-tables.ts reads the names out of them. A table has a primary key
   * with `shard` in it.
   */
  readonly tables: readonly string[]
  /**
   * What an event must be for the mapping to have any work with it. It saves time and changes no result. (Only account and
   * key events have a `stream_version`; those with a `key_id` are a key's.)
   */
  readonly eventFilter: string
  readonly apply: readonly MappingStatement[]
}

/** A statement of a mapping. */
export interface MappingStatement {
  /** The types of events that it does something for. Without any of them in the batch it need not run. */
  readonly eventTypes: readonly EventType[]
  /**
   * What an event of these types must be besides, where that is rare. Without such an event it need not run. It may ask for what
   * the statements before it have written, if they are for rare events alone.
   */
  readonly condition?: string
  /**
   * A call that begins and ends within the batch leaves no trace in what this statement writes. Where many events are
   * applied at once, the statement does not get the events of such calls.
   */
  readonly skipsCompletedCalls?: true
  readonly sql: string
  /** What it does, where that is to add up rows. */
  readonly adds?: AddedRows
}
