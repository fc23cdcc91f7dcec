/**
 * A projection's tables and mapping, led to another place than the tables in service: to a schema beside
 * them (rebuild) or to the connection's temporary tables (verify, as-of). The mapping itself is the one that
 * serves the appends.
 *
 * Every text here is sent as one message, and is therefore one transaction: the path of names that it sets
 * holds for the whole text and for nothing else, whichever connection of a pool it reaches.
 */
import type { Projection } from '../../projections/projection.ts'

/** Where a text's bare names of tables lead first, and the book's schema, where they lead then. */
export interface Place {
  readonly tables: string
  readonly book: string
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
export function at({ tables, book }: Place, statements: readonly string[]): string {
  return [`set local search_path = ${tables}, ${book}, pg_temp`, ...statements].join(';\n')
}

/** The statements that apply a range of the log. */
export function applied({ apply, concerns }: Projection, { shard, after, upTo }: Range): string[] {
  const batch = `select * from events
    where shard = ${shard} and position > ${after} and position <= ${upTo} and (${concerns})`
  return apply.map(({ sql }) => `with batch as (${batch}) ${sql}`)
}

/**
 * For ranges of many events: sorting and grouping stay in memory, and tables of which PostgreSQL has no
 * figures yet are not searched again for every row.
 */
export const forMany: readonly string[] = [
  `set local work_mem = '64MB'`,
  'set local enable_nestloop = off',
]

/** Names a mapping and its tables: another one cannot go on where this one stopped. */
export function fingerprint({ version, tables, apply }: Projection): string {
  return Bun.SHA256.hash(JSON.stringify({ version, tables, apply }), 'hex')
}
