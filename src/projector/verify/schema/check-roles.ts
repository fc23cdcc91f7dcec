/**
 * What gives the server's roles more than is granted in the ledger's schema, keeps its triggers from firing, or has commits return
 * before they are durable. Whoever is logged in may change settings of his own login, and make large objects.
 */
import type { Sql } from '../../../ledger/connect.ts'
import { readLoosenedSettings } from '../../../ledger/read/read-loosened-settings.ts'
import { roleNames, roles } from '../../../ledger/roles.ts'
import type { SchemaFault } from './check-properties.ts'

export async function checkRoles(sql: Sql): Promise<SchemaFault[]> {
  const names = roles.map((role) => roleNames[role])
  const found = await sql<{ object: string; fault: string }[]>`
    with logins as (
      select l.oid, l.rolname, l.rolsuper from pg_roles l
      where exists (select from pg_roles r where r.rolname = any(${names}) and pg_has_role(l.oid, r.oid, 'member'))
    )
    select 'role ' || rolname as object, 'it is a superuser, or overrides the rules of rows' as fault
    from pg_roles where rolname = any(${names}) and (rolsuper or rolbypassrls)
    union all
    select 'role ' || pg_get_userbyid(m.member), format('it has what is granted to %s, too', pg_get_userbyid(m.roleid))
    from pg_auth_members m where pg_get_userbyid(m.member) = any(${names})
    union all
    select 'role ' || l.rolname, format('it has %s large objects, and the ledger makes none', count(*))
    from logins l join pg_largeobject_metadata o on o.lomowner = l.oid
    where not l.rolsuper group by 1
    order by 1, 2`
  const settings = await readLoosenedSettings(sql)
  return [
    ...found,
    ...settings.map(({ object, setting }) => ({ object, fault: `it sets ${setting}` })),
  ]
}
