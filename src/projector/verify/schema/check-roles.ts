/** What gives the server's roles more than is granted in the ledger's schema, or keeps its triggers from firing. */
import type { Sql } from '../../../ledger/connect.ts'
import { roleNames, roles } from '../../../ledger/roles.ts'
import type { SchemaFault } from './check-properties.ts'

export async function checkRoles(sql: Sql): Promise<SchemaFault[]> {
  const names = roles.map((role) => roleNames[role])
  const found = await sql<{ object: string; fault: string }[]>`
    select 'role ' || rolname as object, 'it is a superuser, or overrides the rules of rows' as fault
    from pg_roles where rolname = any(${names}) and (rolsuper or rolbypassrls)
    union all
    select 'role ' || pg_get_userbyid(m.member), format('it has what is granted to %s, too', pg_get_userbyid(m.roleid))
    from pg_auth_members m where pg_get_userbyid(m.member) = any(${names})
    union all
    select coalesce('role ' || s.setrole::regrole, 'database ' || current_database()), 'it sets ' || setting
    from (select nullif(setrole, 0) as setrole, setdatabase, unnest(setconfig) as setting from pg_db_role_setting) s
    where setting like 'session_replication_role=%' and setting <> 'session_replication_role=origin'
      and (setdatabase = 0 or setdatabase = (select oid from pg_database where datname = current_database()))`
  return [...found]
}
