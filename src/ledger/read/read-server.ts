/** What a ledger depends on of its PostgreSQL server. The server need not have a ledger. */
import { type Sql, servingRole } from '../connect.ts'

export interface Server {
  /** As in `server_version_num`: 150004 is 15.4. */
  readonly version: number
  readonly settings: Readonly<Record<ServerSetting, string>>
  /** A standby, which cannot be written to. */
  readonly standby: boolean
  /** Connections of all programs now. */
  readonly connections: number
  readonly database: string
  readonly login: {
    readonly name: string
    readonly superuser: boolean
    /** Whether it may take the serving role. */
    readonly serves: boolean
  }
  readonly servingRole: {
    readonly exists: boolean
    /** Whether the role may do more to the log than read it. false: it may not, or there is no log. */
    readonly writesLog: boolean
    /** Whether it may make temporary tables, as `verify` does. */
    readonly makesTemporaryTables: boolean
  }
  /** The server's clock, in Unix milliseconds. */
  readonly timeMs: number
}

const settings = [
  'fsync',
  'synchronous_commit',
  'synchronous_standby_names',
  'full_page_writes',
  'max_connections',
  'superuser_reserved_connections',
  'autovacuum',
  'default_transaction_isolation',
] as const

export type ServerSetting = (typeof settings)[number]

/** @param sql connected as whoever logs in: the serving role may not be there yet */
export async function readServer(sql: Sql): Promise<Server> {
  const [row] = await sql<[Server]>`
    select current_setting('server_version_num')::integer as version,
      (select json_object_agg(name, current_setting(name)) from unnest(${[...settings]}::text[]) name) as settings,
      current_database() as database, pg_is_in_recovery() as standby,
      (select count(*) from pg_stat_activity where backend_type = 'client backend') as connections,
      (
        select json_build_object('name', rolname, 'superuser', rolsuper, 'serves', case
          when exists (select from pg_roles where rolname = ${servingRole})
          then pg_has_role(${servingRole}, 'member') else false end)
        from pg_roles where rolname = current_user
      ) as login,
      json_build_object(
        'exists', exists (select from pg_roles where rolname = ${servingRole}),
        'makesTemporaryTables', exists (
          select from pg_roles where rolname = ${servingRole}
            and has_database_privilege(oid, current_database(), 'temporary')),
        'writesLog', exists (
          select from pg_roles where rolname = ${servingRole} and to_regclass('events') is not null
            and has_table_privilege(${servingRole}, to_regclass('events'), 'insert, update, delete, truncate'))
      ) as "servingRole",
      (extract(epoch from clock_timestamp()) * 1000)::float8 as "timeMs"`
  return row
}
