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
 * The statements that apply a range of very many events, as one transaction with nothing after them. Nearly all of
 * the events belong to calls that begin and end within the range. A statement that has nothing to do for such calls
 * reads the residual events instead, which are found once and kept in a temporary table.
 */
export function applyLargeRange(projection: Projection, range: Range): string[] {
  const { apply } = projection
  const residual = `create temp table residual_events on commit drop as ${residualEventsOf(projection, range)}`
  return [
    ...bulkSettings,
    ...(apply.some(readsResidualEvents) ? [residual] : []),
    ...apply.map((statement) => {
      const batch = readsResidualEvents(statement)
        ? 'table pg_temp.residual_events'
        : eventsOf(range)
      return `with batch as (${batch}) ${statement.sql}`
    }),
  ]
}

/** How much work a long log is for a projection, roughly. A catch-up projection is the most: too much for an append. */
export function weightOf({ apply, mode }: Projection): number {
  const frequent = apply.flatMap(({ eventTypes }) =>
    eventTypes.filter((type) => frequentTypes.includes(type)),
  )
  return mode === 'catch-up' ? Number.MAX_SAFE_INTEGER : frequent.length
}

function readsResidualEvents({ eventTypes, skipsCompletedCalls }: MappingStatement): boolean {
  return skipsCompletedCalls === true || !eventTypes.some((type) => frequentTypes.includes(type))
}

/**
 * The residual events of a range: those of rare types, and all events of calls that do not both begin and end within
 * the range. Calls that ran on a lease are left out, for they hold and free nothing.
 */
function residualEventsOf({ apply, eventFilter }: Projection, range: Range): string {
  const filtered = `${eventsOf(range)} and (${eventFilter})`
  const rare = `${filtered} and ${typeNotIn(frequentTypes)}`
  if (!apply.some(({ skipsCompletedCalls }) => skipsCompletedCalls)) return rare
  return `${rare}
    union all
    ${filtered} and ${typeIn(holdTypes)} and held is not null and ${isOpeningOrNot} and request_id = any(array(
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
 * statistics of yet are not searched again for every row. And parallel workers would only compete with the other connection
 * for processors.
 */
export const bulkSettings: readonly string[] = [
  `set local work_mem = '64MB'`,
  'set local enable_sort = off',
  'set local enable_nestloop = off',
  'set local max_parallel_workers_per_gather = 0',
]
