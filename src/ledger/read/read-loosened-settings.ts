/**
 * Settings that logins or the database have by `alter role` and `alter database`, and that break promises where a connection says nothing
 * else: triggers that do not fire, commits that return before they are durable, and logins with another isolation than appends are
 * made for. Whoever is logged in may change those of his own login.
 */
import type { Sql } from '../connect.ts'
import { roleNames, roles } from '../roles.ts'

export interface LoosenedSetting {
  /** `role` or `database`, and its name. */
  readonly object: string
  /** As `synchronous_commit=off`. */
  readonly setting: string
  /** The statement that takes it back. */
  readonly reset: string
}

export async function readLoosenedSettings(sql: Sql): Promise<LoosenedSetting[]> {
  const names = roles.map((role) => roleNames[role])
  const found = await sql<LoosenedSetting[]>`
    with settings as (
      select nullif(setrole, 0) as setrole, setdatabase <> 0 as is_of_database, unnest(setconfig) as setting from pg_db_role_setting
      where setdatabase = 0 or setdatabase = (select oid from pg_database where datname = current_database())
    ), named as (
      select setrole, is_of_database, setting, split_part(setting, '=', 1) as name, lower(split_part(setting, '=', 2)) as value,
        exists (select from pg_roles r where r.rolname = any(${names}) and pg_has_role(setrole, r.oid, 'member')) as is_of_login
      from settings
    )
    select coalesce('role ' || setrole::regrole, 'database ' || current_database()) as object, setting,
      'alter ' || case when setrole is null and is_of_database then '' else 'role ' || coalesce(setrole::regrole::text, 'all') end
        || case when is_of_database and setrole is not null then ' in ' else '' end
        || case when is_of_database then format('database %I', current_database()) else '' end || ' reset ' || name as reset
    from named
    where name = 'session_replication_role' and value <> 'origin'
      or name = 'synchronous_commit' and value not in ('on', 'true', 'yes', '1', 'remote_apply') and (setrole is null or is_of_login)
      or name = 'default_transaction_isolation' and value <> 'read committed' and is_of_login
    order by 1, 2`
  return [...found]
}
