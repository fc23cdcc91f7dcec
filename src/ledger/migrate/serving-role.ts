/** The role that gateways take, and what it may do: read everything, and execute some functions. */
import { type Sql, servingRole } from '../connect.ts'
import { servedFunctions } from '../sql/functions/index.ts'
import { catchUpFunctionNames } from './projection-functions.ts'

/**
 * Roles belong to the whole server, so migrations of two databases may make this one at the same time. Whoever makes it can take
 * it: since PostgreSQL 16 making a role is not enough for that.
 */
export async function makeServingRole(sql: Sql): Promise<void> {
  const [found] = await sql`select 1 from pg_roles where rolname = ${servingRole}`
  if (found) return
  await sql.unsafe(`do $$ begin
      create role ${servingRole} nologin;
      if not (select rolsuper from pg_roles where rolname = current_user) then
        execute format('grant ${servingRole} to %I', current_user);
      end if;
    exception when duplicate_object or unique_violation then null; end $$`)
}

export async function grantServing(tx: Sql, schema: string): Promise<void> {
  await tx.unsafe(`
    revoke all on schema ${schema} from public;
    revoke all on all functions in schema ${schema} from public;
    revoke all on all tables in schema ${schema} from ${servingRole};
    grant usage on schema ${schema} to ${servingRole};
    grant select on all tables in schema ${schema} to ${servingRole};
    ${[...servedFunctions, ...catchUpFunctionNames()].map((name) => grantFunction(name, schema)).join('\n')}`)
}

/** Grants every function of the name, whatever its parameters are. */
function grantFunction(name: string, schema: string): string {
  return `do $$ declare f regprocedure; begin
    for f in select oid from pg_proc where proname = '${name}' and pronamespace = '${schema}'::regnamespace loop
      execute format('grant execute on function %s to ${servingRole}', f);
    end loop; end $$;`
}
