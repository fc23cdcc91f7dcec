/** The roles of the server, and what each may do in this database: execute its functions, and read its tables. */
import type { Sql } from '../connect.ts'
import { type Role, roleNames, roles } from '../roles.ts'
import { functionsOfRoles } from '../sql/functions/functions-of-roles.ts'
import { catchUpFunctionNames } from './projection-functions.ts'

/** The roles that read tables. That of calls reads none: whatever it has to know, a function tells it. */
export const readers: readonly Role[] = ['management', 'portal', 'reader']

/** Columns that no role reads. Who may have an account's secret, or a stored response, gets it from a function, one by
 * one, and accounts are found by their names by a function, too. */
export const hiddenColumns: Readonly<Record<string, readonly string[]>> = {
  account_secrets: ['secret'],
  account_names: ['name'],
  stored_responses: ['response'],
}

/** Earlier versions granted everything that serves to one role. */
const replacedRole = 'tollbook_gateway'

/**
 * Makes the roles that the server lacks. They belong to the whole server, so migrations of two databases may make them at the same
 * time. Whoever makes one can take it: since PostgreSQL 16 making a role is not enough for that.
 */
export async function makeRoles(sql: Sql): Promise<void> {
  for (const role of roles) {
    const name = roleNames[role]
    const [found] = await sql`select 1 from pg_roles where rolname = ${name}`
    if (found) continue
    await sql.unsafe(`do $$ begin
      create role ${name} nologin;
      if not (select rolsuper from pg_roles where rolname = current_user) then
        execute format('grant ${name} to %I', current_user);
      end if;
    exception when duplicate_object or unique_violation then null; end $$`)
  }
}

/** Gives every role what it needs and nothing else, whatever was granted before. */
export async function grantRoles(tx: Sql, schema: string): Promise<void> {
  const names = roles.map((role) => roleNames[role]).join(', ')
  await tx.unsafe(`
    revoke all on schema ${schema} from public;
    revoke all on all functions in schema ${schema} from public, ${names};
    revoke all on all tables in schema ${schema} from public, ${names};
    grant usage on schema ${schema} to ${names};
    do $$ begin
      if exists (select from pg_roles where rolname = '${replacedRole}') then
        revoke all on all functions in schema ${schema} from ${replacedRole};
        revoke all on all tables in schema ${schema} from ${replacedRole};
        revoke all on schema ${schema} from ${replacedRole};
      end if;
    end $$;
    ${roles.flatMap((role) => functionsOf(role).map((name) => grantFunction(name, schema, role))).join('\n')}
    ${grantOfTables(`relnamespace = '${schema}'::regnamespace`)}`)
}

/** Grants the reading of one table that holds no secret. */
export function grantOfTable(table: string): string {
  return `grant select on ${table} to ${readers.map((role) => roleNames[role]).join(', ')}`
}

/** The functions that a role may execute. */
export function functionsOf(role: Role): readonly string[] {
  return role === 'calls'
    ? [...functionsOfRoles.calls, ...catchUpFunctionNames()]
    : functionsOfRoles[role]
}

/** Grants every function of the name, whatever its parameters are. */
function grantFunction(name: string, schema: string, role: Role): string {
  return `do $$ declare f regprocedure; begin
    for f in select oid from pg_proc where proname = '${name}' and pronamespace = '${schema}'::regnamespace loop
      execute format('grant execute on function %s to ${roleNames[role]}', f);
    end loop; end $$;`
}

/** Grants the reading of all tables, but for the hidden columns. */
function grantOfTables(which: string): string {
  const to = readers.map((role) => roleNames[role]).join(', ')
  const hidden = Object.entries(hiddenColumns).flatMap(([table, columns]) =>
    columns.map((column) => `('${table}', '${column}')`),
  )
  return `do $$ declare t record; begin
    for t in
      select c.oid::regclass as name, (
        select string_agg(quote_ident(a.attname), ', ') from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          and (c.relname::text, a.attname::text) not in (values ${hidden.join(', ')})
      ) as columns, c.relname in (${Object.keys(hiddenColumns)
        .map((table) => `'${table}'`)
        .join(', ')}) as hides
      from pg_class c where ${which} and c.relkind in ('r', 'p')
    loop
      if t.hides then
        execute format('grant select (%s) on %s to ${to}', t.columns, t.name);
      else
        execute format('grant select on %s to ${to}', t.name);
      end if;
    end loop; end $$;`
}
