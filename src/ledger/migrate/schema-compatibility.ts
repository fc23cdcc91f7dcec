/** Whether a ledger can serve this version of the program, over this connection. */
import postgres from 'postgres'
import { projections } from '../../../projections/index.ts'
import { type Sql, servingRole } from '../connect.ts'
import { served } from '../sql/functions/index.ts'
import { newestMigration } from './migrate.ts'

interface Standing {
  readonly role: string
  /** Functions of `served` that are there and may be executed. */
  readonly functions: number
  readonly migration: number | null
  /** The oldest of each projection's versions among the shards. */
  readonly versions: Readonly<Record<string, number>> | null
}

const setUp = 'the database is not set up for this version: run "tollbook migrate"'

/**
 * Why the ledger cannot serve this version, in words that an anonymous client may read; undefined when it
 * can. A ledger that is set up for a later version serves this one too.
 * @throws whatever keeps it from answering
 */
export async function schemaFault(sql: Sql): Promise<string | undefined> {
  let standing: Standing
  try {
    standing = await readSchemaState(sql)
  } catch (error) {
    if (error instanceof postgres.PostgresError && notThere.has(error.code)) return setUp
    throw error
  }
  const { role, functions, migration, versions } = standing
  if (role !== servingRole) return `the connection does not have the role ${servingRole}`
  const isOld = projections.some(({ name, version }) => (versions?.[name] ?? 0) < version)
  if ((migration ?? 0) < newestMigration || isOld || functions < served.length) return setUp
  return undefined
}

/** Undefined table, function or schema; a table that may not be read, as before its grant. */
const notThere = new Set(['42P01', '42883', '3F000', '42501'])

async function readSchemaState(sql: Sql): Promise<Standing> {
  const [row] = await sql<[Standing]>`
    select current_user::text as role, m.id as migration, v.versions, f.count as functions
    from (select max(id) as id from migrations) m
    cross join (
      select json_object_agg(projection, version) as versions
      from (select projection, min(version) as version from projection_checkpoints group by projection) oldest
    ) v
    cross join (
      select count(distinct proname) as count
      from pg_proc
      where proname = any(${[...served]}) and pronamespace = current_schema()::regnamespace
        and has_function_privilege(oid, 'execute')
    ) f`
  return row
}
