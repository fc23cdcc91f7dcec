/** The tables of a rebuild, in a schema beside the ledger's: made, finished, and the schema dropped again. */
import type { Projection } from '../../../projections/projection.ts'
import type { Sql } from '../../ledger/connect.ts'
import { grantOfTable } from '../../ledger/migrate/grants.ts'
import { fingerprint, statementsOf, tablesOf } from '../projection-tables.ts'
import { type SearchPath, withSearchPath } from '../search-path.ts'

/** Where a rebuild's table names lead. */
export function shadowSearchPath(schema: string): SearchPath {
  return { tables: `${schema}_replay`, ledger: schema }
}

/**
 * Makes the empty tables, unless an interrupted rebuild by the same mapping left some. It is one transaction under a
 * lock, because another rebuild that ends drops the schema when it sees no rebuild in it.
 */
export async function makeShadowTables(
  sql: Sql,
  projection: Projection,
  searchPath: SearchPath,
): Promise<void> {
  const { tables: schema, ledger } = searchPath
  const name = `'${projection.name}'`
  const mapping = `'${fingerprint(projection)}'`
  await sql.unsafe(
    withSearchPath(searchPath, [
      lockReplaySchema(ledger),
      `do $do$ begin
        if not exists (select from pg_namespace where nspname = '${schema}') then
          create schema ${schema};
          -- The tables are to belong to whoever owns the log, who needs this to have them.
          execute format('grant create, usage on schema ${schema} to %I',
            (select pg_get_userbyid(relowner) from pg_class where oid = '${ledger}.events'::regclass));
        end if;
      end $do$`,
      `create unlogged table if not exists ${schema}.progress (projection text, shard smallint,
        fingerprint text not null, position bigint not null, primary key (projection, shard))`,
      `do $do$ begin
        -- An earlier version of this program made a logged table.
        if exists (select from pg_class where oid = '${schema}.progress'::regclass and relpersistence <> 'u') then
          alter table ${schema}.progress set unlogged;
        end if;
        if not exists (select from ${schema}.progress where projection = ${name} and fingerprint = ${mapping}) then
          ${emptyTables(projection, searchPath).join(';\n')};
        end if;
      end $do$`,
    ]),
  )
}

/** The statements that replace a projection's shadow tables by empty ones. */
function emptyTables(projection: Projection, { tables: schema, ledger }: SearchPath): string[] {
  const name = `'${projection.name}'`
  const tables = tablesOf(projection)
  return [
    `delete from ${schema}.progress where projection = ${name}`,
    ...tables.map((table) => `drop table if exists ${schema}.${table}`),
    ...statementsOf(projection).tables.map((statement) =>
      statement.replace(/^create table /, 'create unlogged table '),
    ),
    ...tables.map((table) => grantOfTable(`${schema}.${table}`)),
    // The functions that write them belong to whoever owns the log.
    ...tables.map(
      (table) => `execute format('alter table ${schema}.${table} owner to %I',
        (select pg_get_userbyid(relowner) from pg_class where oid = '${ledger}.events'::regclass))`,
    ),
    `insert into ${schema}.progress (projection, shard, fingerprint, position)
     select ${name}, shard, '${fingerprint(projection)}', 0 from heads`,
  ]
}

/** Makes the tables durable and gives them indexes and statistics, while nobody uses them yet. */
export async function finishShadowTables(
  sql: Sql,
  projection: Projection,
  searchPath: SearchPath,
): Promise<void> {
  const schema = searchPath.tables
  const tables = tablesOf(projection)
  const indexes = statementsOf(projection).indexes.map((statement) =>
    statement.replace(/^create (unique )?index /, 'create $1index if not exists '),
  )
  const statements = [
    ...tables.map((table) => `alter table ${schema}.${table} set logged`),
    ...indexes,
    ...tables.map((table) => `analyze ${schema}.${table}`),
  ]
  for (const statement of statements) await sql.unsafe(withSearchPath(searchPath, [statement]))
}

/** Drops the shadow tables' schema when no rebuild is under way in it. */
export function dropReplaySchema(schema: string): string {
  return `set local lock_timeout = '5s';
    ${lockReplaySchema(schema)};
    do $$ begin
      if not exists (select from ${schema}_replay.progress) then
        drop schema ${schema}_replay cascade;
      end if;
    exception when undefined_table or invalid_schema_name then null;
    end $$`
}

function lockReplaySchema(schema: string): string {
  return `select pg_advisory_xact_lock(hashtext('${schema}.replay'))`
}
