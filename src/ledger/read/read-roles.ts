import type { Sql } from '../connect.ts'
import { roleNames, roles } from '../roles.ts'

/** Who logged in, whatever role the connection has taken, and which of the ledger's roles it may take. */
export async function readRolesOfLogin(
  sql: Sql,
): Promise<{ readonly login: string; readonly taken: readonly string[] }> {
  const [row] = await sql<[{ login: string; taken: string[] }]>`
    select session_user::text as login, array(
      select rolname::text from pg_roles
      where rolname = any(${roles.map((role) => roleNames[role])}::text[]) and pg_has_role(session_user, oid, 'member')
      order by 1
    ) as taken`
  return row
}
