/** What a projection says of its tables, taken out of its SQL. */
import type { Projection } from '../../projections/projection.ts'

/** The names of a projection's tables. */
export function tablesOf(projection: Projection): string[] {
  return projection.tables.flatMap((statement) => /^create table (\w+)/.exec(statement)?.[1] ?? [])
}

/** The statements that make a projection's tables, and those that make indexes beyond their primary keys. */
export function statementsOf({ tables }: Projection): { tables: string[]; indexes: string[] } {
  const isTable = (statement: string) => statement.startsWith('create table ')
  return { tables: tables.filter(isTable), indexes: tables.filter((s) => !isTable(s)) }
}

/** Identifies a projection's tables and mapping: a rebuild by one mapping cannot resume a rebuild by another. */
export function fingerprint({ version, tables, apply }: Projection): string {
  return Bun.SHA256.hash(JSON.stringify({ version, tables, apply }), 'hex')
}
