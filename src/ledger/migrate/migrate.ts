/**
 * Brings the schema to this version: numbered migrations once each, projections' tables where they
 * are missing, functions always (they are code), grants, partitions. Safe to run from many processes
 * at once: one works, the others wait and find nothing to do.
 */
import { frequentTypes } from '../../../events/event-types.ts'
import { typeNotIn } from '../../../events/type-condition.ts'
import { projections } from '../../../projections/index.ts'
import type { Projection } from '../../../projections/projection.ts'
import { connect, defaultSchema, type Sql, servingRole } from '../connect.ts'
import schema7 from '../sql/000007-schema.sql' with { type: 'text' }
import { fillIn } from '../sql/fill-in.ts'
import { functions, served } from '../sql/functions/index.ts'

/**
 * Migrations 1 to 6 are folded into number 7: none of them was ever in a release.
 */
const migrations: readonly { id: number; name: string; text: string }[] = [
  { id: 7, name: 'schema', text: fillIn(schema7, { is_rare: typeNotIn(frequentTypes) }) },
]

/** What a ledger's table of migrations holds when it is set up for this version. */
export const newestMigration = Math.max(...migrations.map(({ id }) => id))

export interface MigrateOptions {
  readonly url: string
  readonly schema?: string
  /** Number of shards; chosen at the first migration and kept. */
  readonly shards?: number
}

/**
 * Builds projections anew whose tables or mapping changed, while the old ones serve, and puts them in
 * service in one transaction with `bringFunctions`, which brings the functions that feed and read them.
 */
export type Rebuild = (
  changed: readonly Projection[],
  bringFunctions: (tx: Sql) => Promise<void>,
) => Promise<void>

/**
 * Migrates as whoever the URL logs in; answers the migrations that were applied now.
 * @throws Error when a projection has changed and nothing is given to rebuild it
 */
export async function migrate(
  options: MigrateOptions & { readonly rebuild?: Rebuild },
): Promise<{ applied: readonly string[] }> {
  const schema = options.schema ?? defaultSchema
  if (!/^[a-z_][a-z0-9_]{0,40}$/.test(schema)) {
    throw new Error(`"${schema}" cannot name a schema: use lower-case letters, digits and _`)
  }
  const sql = connect({ url: options.url, schema, as: 'owner', max: 1 })
  try {
    await makeServingRole(sql)
    const { applied, changed } = await sql.begin(async (transaction) => {
      const tx = transaction as unknown as Sql
      const applied = await applyMigrations(tx, schema, options.shards ?? 1)
      const changed = await makeTables(tx)
      if (changed.length === 0) await replaceFunctions(tx, schema)
      return { applied, changed }
    })
    if (changed.length === 0) return { applied }
    if (!options.rebuild) {
      const names = changed.map(({ name }) => name).join(', ')
      throw new Error(
        `these projections have changed and have to be built anew: ${names}: run "tollbook migrate"`,
      )
    }
    // The old functions go on feeding the old tables until the new ones have caught up.
    await options.rebuild(changed, (tx) => replaceFunctions(tx, schema))
    return { applied }
  } finally {
    await sql.end()
  }
}

async function applyMigrations(tx: Sql, schema: string, shards: number): Promise<string[]> {
  await tx`select pg_advisory_xact_lock(hashtext(${`${schema}.migrate`}))`
  await tx.unsafe(`create schema if not exists ${schema}`)
  await tx`create table if not exists migrations (
    id integer primary key, name text not null, applied_at timestamptz not null default now())`
  await refuseUnreleasedSchema(tx, schema)
  const applied: string[] = []
  for (const migration of migrations) {
    const inserted = await tx`insert into migrations (id, name)
      values (${migration.id}, ${migration.name}) on conflict (id) do nothing returning id`
    if (inserted.length === 0) continue
    await tx.unsafe(migration.text)
    if (migration.id === 7) await makeHeads(tx, shards)
    applied.push(migration.name)
  }
  return applied
}

/** Migrations 1 to 6 were never released, and nothing leads from their tables to today's. */
async function refuseUnreleasedSchema(tx: Sql, schema: string): Promise<void> {
  const [old] = await tx`select 1 from migrations where id < 7`
  if (!old) return
  throw new Error(
    `the schema "${schema}" was made by an unreleased version, and cannot be migrated: use another database, or drop the schema`,
  )
}

async function replaceFunctions(tx: Sql, schema: string): Promise<void> {
  for (const text of functions) await tx.unsafe(text)
  for (const text of projectionFunctions()) await tx.unsafe(text)
  await tx.unsafe(guards)
  await tx`select extend_partitions()`
  await tx.unsafe(grants(schema))
}

/** Roles belong to the whole server, so two databases' migrations may race to make this one. */
async function makeServingRole(sql: Sql): Promise<void> {
  const [found] = await sql`select 1 from pg_roles where rolname = ${servingRole}`
  if (found) return
  await sql.unsafe(`do $$ begin create role ${servingRole} nologin;
    exception when duplicate_object or unique_violation then null; end $$`)
}

async function makeHeads(tx: Sql, shards: number): Promise<void> {
  await tx`insert into heads (shard) select generate_series(0, ${shards - 1})`
}

/** Makes the tables of projections where the log is empty; answers those that are to be built from it. */
async function makeTables(tx: Sql): Promise<Projection[]> {
  const found = await tx<{ projection: string; version: number }[]>`
    select projection, min(version) as version from projection_checkpoints group by projection`
  const [log] = await tx<[{ empty: boolean }]>`select max(position) = 0 as empty from heads`
  const changed: Projection[] = []
  for (const projection of projections) {
    const version = found.find((row) => row.projection === projection.name)?.version
    // A ledger that is set up for a later version serves this one too.
    if (version !== undefined && version >= projection.version) continue
    if (version !== undefined || !log.empty) {
      changed.push(projection)
      continue
    }
    await tx`insert into projection_checkpoints (projection, shard, version)
      select ${projection.name}, shard, ${projection.version} from heads`
    for (const table of projection.tables) await tx.unsafe(table)
  }
  return changed
}

function projectionFunctions(): string[] {
  const inline = projections.filter((p) => p.mode === 'inline')
  const catchUp = projections.filter((p) => p.mode === 'catch-up')
  return [inlineTrigger(inline), ...catchUp.map(catchUpFunction)]
}

/** Feeds every inline projection with the rows that were just written, inside the same transaction. */
function inlineTrigger(inline: readonly Projection[]): string {
  const steps = inline.flatMap(({ name, apply }) =>
    apply.map(
      ({ eventTypes, condition, sql }) => `-- ${name}
  if v_types && '{${eventTypes.join(', ')}}'${condition ? ` and exists (select from batch where ${condition})` : ''} then
    ${sql};
  end if;`,
    ),
  )
  return `create or replace function project_inline() returns trigger
language plpgsql as $$
declare
  v_types text[] := array(select distinct type from batch);
begin
  ${steps.join('\n  ')}
  return null;
end
$$`
}

/** Moves one projection along the log: rows and checkpoint in one transaction, one mover at a time. */
function catchUpFunction(projection: Projection): string {
  const statements = projection.apply.map(
    ({ sql }) => `with batch as (
      select * from events
      where shard = in_shard and position > v_from and position <= v_to and (${projection.eventFilter})
    )
    ${sql};`,
  )
  return `create or replace function catch_up_${projection.name}(in_shard smallint, in_most bigint)
returns bigint
language plpgsql security definer set search_path from current as $$
declare
  v_from bigint;
  v_to bigint;
  v_head bigint;
begin
  select position into v_from from projection_checkpoints
    where projection = '${projection.name}' and shard = in_shard for update skip locked;
  if v_from is null then
    return 0;
  end if;
  select position into v_head from heads where shard = in_shard;
  v_to := least(v_head, v_from + in_most);
  if v_to > v_from then
    ${statements.join('\n    ')}
    update projection_checkpoints set position = v_to where projection = '${projection.name}' and shard = in_shard;
  end if;
  return v_head - v_to;
end
$$`
}

const guards = `
create or replace trigger project after insert on events
  referencing new table as batch for each statement execute function project_inline();
create or replace trigger refuse_change before update or delete on events
  for each row execute function refuse_change();
create or replace trigger refuse_truncate before truncate on events
  execute function refuse_change();`

function grants(schema: string): string {
  const names = [
    ...served,
    ...projections.filter((p) => p.mode === 'catch-up').map((p) => `catch_up_${p.name}`),
  ]
  const functionGrants = names.map(
    (name) => `do $$ declare f regprocedure; begin
      for f in select oid from pg_proc where proname = '${name}' and pronamespace = '${schema}'::regnamespace loop
        execute format('grant execute on function %s to ${servingRole}', f);
      end loop; end $$;`,
  )
  return `
    revoke all on schema ${schema} from public;
    revoke all on all functions in schema ${schema} from public;
    revoke all on all tables in schema ${schema} from ${servingRole};
    grant usage on schema ${schema} to ${servingRole};
    grant select on all tables in schema ${schema} to ${servingRole};
    ${functionGrants.join('\n')}`
}
