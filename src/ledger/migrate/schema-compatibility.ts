import postgres from 'postgres'
import { projections } from '../../../projections/index.ts'
import type { Sql } from '../connect.ts'
import { type Role, roleNames } from '../roles.ts'
import { functionsOfRoles } from '../sql/functions/functions-of-roles.ts'
import { newestMigration } from './migrations.ts'

interface SchemaState {
  readonly role: string
  /** How many of the role's functions are there and may be executed. */
  readonly functions: number
  readonly migration: number | null
  /** Of each projection the oldest version among the shards. */
  readonly versions: Readonly<Record<string, number>> | null
}

const notSetUp = 'the database is not set up for this version: run "tollbook migrate"'

/** An undefined table, function or schema, and a table that may not be read, as before its grant. */
const missingCodes = new Set(['42P01', '42883', '3F000', '42501'])

/**
 * Why the ledger cannot serve this version of the program over this connection, in words that an anonymous client may read;
 * undefined: it can. A ledger that is set up for a later version serves this one too.
 * @throws whatever keeps the ledger from replying
 */
export async function schemaFault(sql: Sql, role: Role): Promise<string | undefined> {
  let state: SchemaState
  try {
    state = await readSchemaState(sql, role)
  } catch (error) {
    if (error instanceof postgres.PostgresError && missingCodes.has(error.code)) return notSetUp
    throw error
  }
  if (state.role !== roleNames[role])
    return `the connection does not have the role ${roleNames[role]}`
  return isUpToDate(state, role) ? undefined : notSetUp
}

function isUpToDate({ migration, versions, functions }: SchemaState, role: Role): boolean {
  return (
    (migration ?? 0) >= newestMigration &&
    projections.every(({ name, version }) => (versions?.[name] ?? 0) >= version) &&
    functions >= functionsOfRoles[role].length
  )
}

async function readSchemaState(sql: Sql, role: Role): Promise<SchemaState> {
  const [row] = await sql<[SchemaState]>`
    select current_user::text as role, s.migration, s.versions, f.count as functions
    from schema_state_v1() s
    cross join (
      select count(distinct proname) as count
      from pg_proc
      where proname = any(${[...functionsOfRoles[role]]}) and pronamespace = current_schema()::regnamespace
        and has_function_privilege(oid, 'execute')
    ) f`
  return row
}
