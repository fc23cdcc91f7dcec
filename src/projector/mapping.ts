/**
 * A projection's tables and mapping, led to another place than the tables in service: to a schema beside
 * them (rebuild) or to the connection's temporary tables (verify, as-of). The mapping itself is the one that
 * serves the appends.
 *
 * Every text here is sent as one message, and is therefore one transaction: the path of names that it sets
 * holds for the whole text and for nothing else, whichever connection of a pool it reaches.
 */
import { callTypes, holdTypes, resolvingTypes } from '../../events/credits.ts'
import type { Projection, Statement } from '../../projections/projection.ts'

/** Where a text's bare names of tables lead first, and the ledger's schema, where they lead then. */
export interface Place {
  readonly tables: string
  readonly ledger: string
}

/** Events of a shard after a position, up to another: literals, or subqueries in brackets. */
export interface Range {
  readonly shard: number
  readonly after: number
  readonly upTo: number | string
}

/** The names of a projection's tables. */
export function tablesOf(projection: Projection): string[] {
  return projection.tables.flatMap((statement) => /^create table (\w+)/.exec(statement)?.[1] ?? [])
}

/** The statements that make a projection's tables, and those that make indexes beyond their keys. */
export function statementsOf({ tables }: Projection): { tables: string[]; indexes: string[] } {
  const isTable = (statement: string) => statement.startsWith('create table ')
  return { tables: tables.filter(isTable), indexes: tables.filter((s) => !isTable(s)) }
}

/** Statements, made one text whose bare names lead to the place. */
export function at({ tables, ledger }: Place, statements: readonly string[]): string {
  return [`set local search_path = ${tables}, ${ledger}, pg_temp`, ...statements].join(';\n')
}

/** The statements that apply a range of the log. */
export function applied({ apply, eventFilter }: Projection, range: Range): string[] {
  return apply.map(({ sql }) => `with batch as (${eventsOf(range)} and (${eventFilter})) ${sql}`)
}

/**
 * The same for a range of very many events. Nearly all of them belong to calls that begin and end within the
 * range; statements that have nothing to do for those are fed with the others alone, which are found once.
 * They belong into one transaction with nothing after them.
 */
export function applyLargeRange(projection: Projection, range: Range): string[] {
  const { apply } = projection
  const few = `create temp table few on commit drop as ${fewOf(projection, range)}`
  return [
    ...bulkSettings,
    ...(apply.some(takesFew) ? [few] : []),
    ...apply.map(
      (each) =>
        `with batch as (${takesFew(each) ? 'table pg_temp.few' : eventsOf(range)}) ${each.sql}`,
    ),
  ]
}

/** Types of which a log may have very many. */
const frequent: readonly string[] = callTypes

function takesFew({ of, skipsCompletedCalls }: Statement): boolean {
  return skipsCompletedCalls === true || !of.some((type) => frequent.includes(type))
}

/** Grows with the work that a projection makes of a long log. One that is too much work for an append makes the most. */
export function weightOf({ apply, mode }: Projection): number {
  const often = apply.flatMap(({ of }) => of.filter((type) => frequent.includes(type)))
  return mode === 'catch-up' ? Number.MAX_SAFE_INTEGER : often.length
}

/**
 * Events of rare types, and all of the calls that are not both held and resolved in the range: but for those that
 * ran on a standing hold, which hold and free nothing.
 */
function fewOf({ apply, eventFilter }: Projection, range: Range): string {
  const filtered = `${eventsOf(range)} and (${eventFilter})`
  const rare = `${filtered} and type not in (${listed(frequent)})`
  if (!apply.some(({ skipsCompletedCalls }) => skipsCompletedCalls)) return rare
  return `${rare}
    union all
    ${filtered} and type in (${listed(holdTypes)}) and held is not null and request_id = any(array(
      select request_id from (${eventsOf(range)}) of_range
      where type in (${listed(holdTypes)})
      group by request_id
      having sum(case when type = 'CreditsHeld' then 1 when type in (${listed(resolvingTypes)}) then ${anEnd} else 0 end)
        <> 1 + ${anEnd}))`
}

/** What the end of a call counts where its beginning counts 1: more than a range has events. */
export const anEnd = 10_000_000

function eventsOf({ shard, after, upTo }: Range): string {
  return `select * from events where shard = ${shard} and position > ${after} and position <= ${upTo}`
}

/** Types as the list after IN. */
export function listed(types: readonly string[]): string {
  return types.map((type) => `'${type}'`).join(', ')
}

/**
 * Grouping stays in memory, and does not sort very many rows to make few of them; tables of which PostgreSQL
 * has no figures yet are not searched again for every row. Workers beside it would only take turns with the
 * other connection's. Before version 18, what is turned off and needed all the same is estimated at so much that
 * PostgreSQL would compile every statement anew.
 */
export const bulkSettings: readonly string[] = [
  `set local work_mem = '64MB'`,
  'set local enable_sort = off',
  'set local enable_nestloop = off',
  'set local max_parallel_workers_per_gather = 0',
  'set local jit = off',
]

/** Names a mapping and its tables: another one cannot go on where this one stopped. */
export function fingerprint({ version, tables, apply }: Projection): string {
  return Bun.SHA256.hash(JSON.stringify({ version, tables, apply }), 'hex')
}
