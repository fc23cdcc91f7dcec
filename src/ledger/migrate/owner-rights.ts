/** What a login needs to make or change a ledger's schema, looked at before anything is written. */
import type { Sql } from '../connect.ts'
import { ownerRole, roleNames, roles } from '../roles.ts'

/** The login lacks rights, or is not the owner. Nothing was written. The message has the SQL that mends it. */
export class RightsMissing extends Error {
  override readonly name = 'RightsMissing'
}

/** `rebuild` makes a schema beside the ledger's for a while, whatever is there already. */
export type OwnerWork = 'migrate' | 'rebuild'

interface Rights {
  /** Quoted where SQL wants it. */
  readonly login: string
  readonly database: string
  /** Roles that the server lacks, and those that the login may not take. */
  readonly missingRoles: readonly string[]
  readonly rolesOfOthers: readonly string[]
  readonly createsRoles: boolean
  readonly createsSchemas: boolean
  /** The schema is there, and belongs to the role that it is to belong to. */
  readonly hasOwnSchema: boolean
  readonly hasReplaySchema: boolean
  /** The owner of the schema, or of something in it, when the login is not that owner. */
  readonly otherOwner: string | null
}

/** @throws RightsMissing */
export async function requireOwnerRights(sql: Sql, schema: string, work: OwnerWork): Promise<void> {
  const rights = await readRights(sql, schema)
  const { login, database, otherOwner } = rights
  if (otherOwner !== null) {
    throw new RightsMissing(
      `the schema ${schema} belongs to ${otherOwner}, and ${login} may not change it: log in as ${otherOwner}, or as a member of it. Nothing was changed.`,
    )
  }
  const statements = missingRights(rights, work)
  if (statements.length === 0) return
  const lines = statements.map((statement) => `  ${statement}`).join('\n')
  throw new RightsMissing(
    `${login} may not do this yet. An administrator has to run, in the database ${database}:\n\n${lines}\n\nThen run the command again. Nothing was changed.`,
  )
}

/** The statements that an administrator has to run before the login can migrate; none where it can. */
export async function readMissingRights(sql: Sql, schema: string): Promise<readonly string[]> {
  return missingRights(await readRights(sql, schema), 'migrate')
}

function missingRights(rights: Rights, work: OwnerWork): string[] {
  const { login, database } = rights
  const needsSchema = work === 'rebuild' ? !rights.hasReplaySchema : !rights.hasOwnSchema
  const missing: string[] = []
  const toMake = rights.createsRoles ? [] : rights.missingRoles
  missing.push(...toMake.map((role) => `create role ${quoted(role)} nologin;`))
  if (needsSchema && !rights.createsSchemas) {
    missing.push(`grant create on database ${database} to ${login};`)
  }
  // The other commands take the roles, so whoever asks an administrator once asks for all of it.
  const toGrant = [...toMake, ...rights.rolesOfOthers]
  if (missing.length > 0 && toGrant.length > 0) {
    missing.push(`grant ${toGrant.map(quoted).join(', ')} to ${login};`)
  }
  return missing
}

/** A name as SQL takes it. */
function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}

async function readRights(sql: Sql, schema: string): Promise<Rights> {
  const names = roles.map((role) => roleNames[role])
  const [row] = await sql<[Rights]>`
    select quote_ident(current_user) as login, quote_ident(current_database()) as database,
      array(select name from unnest(${names}::text[] || ${sql.unsafe(ownerRole(schema))}) name where name not in (select rolname from pg_roles)) as "missingRoles",
      array(
        select name from unnest(${names}::text[] || ${sql.unsafe(ownerRole(schema))}) name
        join pg_roles on rolname = name where not pg_has_role(oid, 'member')
      ) as "rolesOfOthers",
      me.rolsuper or me.rolcreaterole as "createsRoles",
      has_database_privilege(current_database(), 'create') as "createsSchemas",
      coalesce(pg_get_userbyid(own.nspowner) = ${sql.unsafe(ownerRole(schema))}, false) as "hasOwnSchema",
      exists (select from pg_namespace where nspname = ${`${schema}_replay`}) as "hasReplaySchema",
      (
        select quote_ident(pg_get_userbyid(owner)) from (
          select own.nspowner union select relowner from pg_class where relnamespace = own.oid
          union select proowner from pg_proc where pronamespace = own.oid
        ) owned(owner)
        where own.oid is not null and not pg_has_role(owner, 'usage')
        limit 1
      ) as "otherOwner"
    from pg_roles me
    left join pg_namespace own on own.nspname = ${schema}
    where me.rolname = current_user`
  return row
}
