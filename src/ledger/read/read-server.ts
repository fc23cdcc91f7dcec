/** What a ledger depends on of its PostgreSQL server. The server need not have a ledger. */
import { defaultSchema, type Sql } from '../connect.ts'
import { type Role, roleNames, roles } from '../roles.ts'

export interface Server {
  /** As in `server_version_num`: 150004 is 15.4. */
  readonly version: number
  /** Empty: this version does not have it. */
  readonly settings: Readonly<Record<ServerSetting, string>>
  /** A standby, which cannot be written to. */
  readonly standby: boolean
  /** Connections of clients now, by login. */
  readonly connections: Readonly<Record<string, number>>
  /** Of the database, and of the login; -1: no limit of their own. Superusers have none. */
  readonly connectionLimits: { readonly database: number; readonly login: number }
  /** The names under which standbys are connected now. */
  readonly standbys: readonly string[]
  /** Whether Patroni is connected, which sets synchronous_standby_names itself. */
  readonly hasPatroni: boolean
  readonly database: string
  readonly login: {
    readonly name: string
    readonly superuser: boolean
    /** Whether it may do whatever the owner of the ledger may; false where there is none. */
    readonly owns: boolean
  }
  readonly roles: Readonly<Record<Role, ServerRole>>
  /** The server's clock, in Unix milliseconds. */
  readonly timeMs: number
}

/** A role as the server has it. */
export interface ServerRole {
  readonly exists: boolean
  /** Whether the login may take it. */
  readonly isTaken: boolean
  /** Tables of the ledger that it may read, and those that it may write. */
  readonly reads: number
  readonly writes: number
  /** Whether it may make temporary tables, as `verify` does. */
  readonly makesTemporaryTables: boolean
}

const settings = [
  'fsync',
  'synchronous_commit',
  'synchronous_standby_names',
  'full_page_writes',
  'max_connections',
  'superuser_reserved_connections',
  'reserved_connections',
  'autovacuum',
  'default_transaction_isolation',
] as const

export type ServerSetting = (typeof settings)[number]

/**
 * Writes nothing, so it waits for no standby. (`current_schema()` would make a schema for temporary tables where the ledger's is missing.)
 * @param sql connected as whoever logs in: the roles may not be there yet
 */
export async function readServer(sql: Sql): Promise<Server> {
  const [row] = await sql<[Omit<Server, 'roles'> & { roles: Record<string, ServerRole> }]>`
    select current_setting('server_version_num')::integer as version,
      (select json_object_agg(name, coalesce(current_setting(name, true), '')) from unnest(${[...settings]}::text[]) name) as settings,
      current_database() as database, pg_is_in_recovery() as standby,
      -- Of others, a login that may not read all statistics sees the name of the login and of the application, and no more.
      (select json_object_agg(usename, count) from (
        select usename, count(*) from pg_stat_activity
        where usename is not null and coalesce(backend_type, 'client backend') = 'client backend' group by 1) by_login
      ) as connections,
      (select json_build_object('database', datconnlimit, 'login', rolconnlimit)
        from pg_database, pg_roles where datname = current_database() and rolname = current_user) as "connectionLimits",
      array(select application_name from pg_stat_replication) as standbys,
      exists (select from pg_stat_activity where application_name ilike 'patroni%') as "hasPatroni",
      (
        select json_build_object('name', rolname, 'superuser', rolsuper, 'owns', coalesce((
          select pg_has_role(nspowner, 'usage') from pg_namespace where nspname = ${defaultSchema}), false))
        from pg_roles where rolname = current_user
      ) as login,
      (
        select json_object_agg(name, json_build_object(
          'exists', oid is not null,
          'isTaken', coalesce(pg_has_role(oid, 'member'), false),
          'makesTemporaryTables', coalesce(has_database_privilege(oid, current_database(), 'temporary'), false),
          'reads', (select count(*) from pg_class c where c.relnamespace = to_regnamespace(${defaultSchema})
            and c.relkind in ('r', 'p') and has_any_column_privilege(r.oid, c.oid, 'select')),
          'writes', (select count(*) from pg_class c where c.relnamespace = to_regnamespace(${defaultSchema})
            and c.relkind in ('r', 'p') and has_table_privilege(r.oid, c.oid, 'insert, update, delete, truncate'))))
        from unnest(${roles.map((role) => roleNames[role])}::text[]) name
        left join pg_roles r on r.rolname = name
      ) as roles,
      (extract(epoch from clock_timestamp()) * 1000)::float8 as "timeMs"`
  const ofRole = (role: Role) => row.roles[roleNames[role]] as ServerRole
  return {
    ...row,
    roles: {
      ...{ calls: ofRole('calls'), management: ofRole('management') },
      ...{ portal: ofRole('portal'), reader: ofRole('reader') },
    },
  }
}
