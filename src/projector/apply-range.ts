/**
 * The SQL that applies a range of the log to a projection's tables. The mapping is the one that serves the appends;
 * only what it reads as `batch` differs, and where its table names lead (search-path.ts).
 */
import { frequentTypes, holdTypes, resolvingTypes } from '../../events/event-types.ts'
import { isOpeningOrNot } from '../../events/openings.ts'
import { typeIn, typeNotIn } from '../../events/type-condition.ts'
import type { MappingStatement, Projection } from '../../projections/projection.ts'

/** Events of a shard after a position, up to another one: a number, or a subquery in brackets. */
export interface Range {
  readonly shard: number
  readonly after: number
  readonly upTo: number | string
}

/** The statements that apply a range. */
export function applyRange({ apply, eventFilter }: Projection, range: Range): string[] {
  return apply.map(({ sql }) => `with batch as (${eventsOf(range)} and (${eventFilter})) ${sql}`)
}

/**
 * The statements that apply a range of very many events to some projections, as one transaction with nothing after them. Most of them
 * concern few of the events. These are found once for all projections, and kept in temporary tables.
 */
export function applyLargeRange(projections: readonly Projection[], range: Range): string[] {
  const steps = projections.flatMap(({ apply, eventFilter }) =>
    apply.map((statement, i) => {
      const reads = batchOf(statement)
      const batch =
        reads === 'events' ? eventsOf(range) : `select * from pg_temp.${reads} where true`
      // What is done with rare events alone comes first: conditions of later statements ask for what it writes.
      const comesFirst = apply.slice(0, i + 1).every((each) => batchOf(each) === 'rare_events')
      const sql = `with batch as (${batch} and (${eventFilter})) ${statement.sql}`
      return { statement, reads, comesFirst, sql }
    }),
  )
  const areRead = (...batches: Batch[]) => steps.some(({ reads }) => batches.includes(reads))
  const met = steps.filter(({ reads }) => reads === 'met_events')
  return [
    ...bulkSettings,
    ...(areRead('rare_events', 'residual_events')
      ? [keep('rare_events', rareEventsOf(range))]
      : []),
    ...steps.filter(({ comesFirst }) => comesFirst).map(({ sql }) => sql),
    ...(areRead('met_events')
      ? [
          keep(
            'met_events',
            metEventsOf(
              met.map(({ statement }) => statement),
              range,
            ),
          ),
        ]
      : []),
    ...(areRead('residual_events') ? [keep('residual_events', residualEventsOf(range))] : []),
    ...steps.filter(({ comesFirst }) => !comesFirst).map(({ sql }) => sql),
  ]
}

/** How much work a long log is for a projection, roughly. A catch-up projection is the most: too much for an append. */
export function weightOf({ apply, mode }: Projection): number {
  const frequent = apply.flatMap(({ eventTypes }) =>
    eventTypes.filter((type) => frequentTypes.includes(type)),
  )
  return mode === 'catch-up' ? Number.MAX_SAFE_INTEGER : frequent.length
}

/** What a statement reads of a large range: all of it, or those events that it has something to do for. */
type Batch = 'events' | 'rare_events' | 'met_events' | 'residual_events'

function batchOf({ eventTypes, condition, skipsCompletedCalls }: MappingStatement): Batch {
  if (!eventTypes.some((type) => frequentTypes.includes(type))) return 'rare_events'
  if (skipsCompletedCalls) return 'residual_events'
  return condition === undefined ? 'events' : 'met_events'
}

/** Whether a projection has something to do for few events only. */
export function concernsFewEvents({ apply }: Projection): boolean {
  return apply.every((statement) => ['rare_events', 'met_events'].includes(batchOf(statement)))
}

function keep(table: Batch, query: string): string {
  return `create temp table ${table} on commit drop as ${query}`
}

function rareEventsOf(range: Range): string {
  return `${eventsOf(range)} and ${typeNotIn(frequentTypes)}`
}

/** Those that meet the conditions of statements. */
function metEventsOf(statements: readonly MappingStatement[], range: Range): string {
  const conditions = statements.map(
    ({ eventTypes, condition }) => `${typeIn(eventTypes)} and (${condition})`,
  )
  return `select * from (${eventsOf(range)}) batch where ${conditions.join(' or ')}`
}

/**
 * The residual events of a range: those of rare types, and all events of calls that do not both begin and end within
 * the range. Calls that ran on a lease are left out, for they hold and free nothing.
 */
function residualEventsOf(range: Range): string {
  return `table pg_temp.rare_events
    union all
    ${eventsOf(range)} and ${typeIn(holdTypes)} and held is not null and ${isOpeningOrNot} and request_id = any(array(
      select request_id from (${eventsOf(range)}) of_range
      where ${typeIn(holdTypes)}
      group by request_id
      having sum(case when type = 'CreditsHeld' then 1 when ${typeIn(resolvingTypes)} then ${endWeight} else 0 end)
        <> 1 + ${endWeight}))`
}

/**
 * To see with one sum whether a call began once and ended once, its beginning counts 1 and its end counts this: more
 * than a range has events, so no number of beginnings adds up to an end.
 */
const endWeight = 10_000_000

function eventsOf({ shard, after, upTo }: Range): string {
  return `select * from events where shard = ${shard} and position > ${after} and position <= ${upTo}`
}

/**
 * Settings for a transaction that reads very many events.
 *
 * Grouping stays in memory, and very many rows are not sorted to make few of them. Tables that PostgreSQL has no
 * statistics of yet are not searched again for every row.
 */
export const bulkSettings: readonly string[] = [
  `set local work_mem = '64MB'`,
  'set local enable_sort = off',
  'set local enable_nestloop = off',
]
