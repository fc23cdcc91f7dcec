/** The role that the ledger belongs to. Its functions run by its rights, and it has no others, whoever migrates. */
import type { Sql } from '../connect.ts'
import { ownerRole } from '../roles.ts'

/**
 * Gives the schema, and everything in it, to the role, and makes the role where it is missing. What belongs to it already is left
 * as it is. The first time appends wait: each table is locked, and that of the heads first, so that no append is half-way.
 */
export async function takeOwnership(tx: Sql, schema: string): Promise<void> {
  await tx.unsafe(`do $$ declare
    v_role text := ${ownerRole(schema)};
    v_schema oid := '${schema}'::regnamespace;
    v_statement text;
  begin
    if to_regrole(quote_ident(v_role)) is null then
      execute format('create role %I nologin', v_role);
      if not (select rolsuper from pg_roles where rolname = current_user) then
        execute format('grant %I to %I', v_role, current_user);
      end if;
    end if;
    if exists (select from pg_class where relnamespace = v_schema and relname = 'heads' and relowner <> to_regrole(quote_ident(v_role))) then
      lock table heads in access exclusive mode;
    end if;
    for v_statement in
      select format('alter schema %I owner to %I', nspname, v_role) from pg_namespace
        where oid = v_schema and nspowner <> to_regrole(quote_ident(v_role))
      union all
      select format('alter table %s owner to %I', oid::regclass, v_role) from pg_class
        where relnamespace = v_schema and relkind in ('r', 'p') and relowner <> to_regrole(quote_ident(v_role))
      union all
      select format('alter routine %s owner to %I', oid::regprocedure, v_role) from pg_proc
        where pronamespace = v_schema and proowner <> to_regrole(quote_ident(v_role))
    loop
      execute v_statement;
    end loop;
  end $$`)
}
