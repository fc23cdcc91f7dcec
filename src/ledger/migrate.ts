/**
 * Brings the schema to this version: numbered migrations once each, projections' tables where they
 * are missing, functions always (they are code), grants, partitions. Safe to run from many processes
 * at once: one works, the others wait and find nothing to do.
 */
import { projections } from '../../projections/index.ts'
import type { Projection } from '../../projections/projection.ts'
import { connect, defaultSchema, type Sql, servingRole } from './connect.ts'
import log from './sql/000001-log.sql' with { type: 'text' }
import storedAnswers from './sql/000002-stored-answers.sql' with { type: 'text' }
import deliveries from './sql/000003-deliveries.sql' with { type: 'text' }
import { functions, served } from './sql/functions/index.ts'

const migrations: readonly { id: number; name: string; text: string }[] = [
  { id: 1, name: 'log', text: log },
  { id: 2, name: 'stored-answers', text: storedAnswers },
  { id: 3, name: 'deliveries', text: deliveries },
]

/** What a book's table of migrations holds when it is set up for this version. */
export const newestMigration = Math.max(...migrations.map(({ id }) => id))

export interface MigrateOptions {
  readonly url: string
  readonly schema?: string
  /** Number of shards; chosen at the first migration and kept. */
  readonly shards?: number
}

/** Migrates as whoever the URL logs in; answers the migrations that were applied now. */
export async function migrate(options: MigrateOptions): Promise<{ applied: readonly string[] }> {
  const schema = options.schema ?? defaultSchema
  if (!/^[a-z_][a-z0-9_]{0,40}$/.test(schema)) {
    throw new Error(`"${schema}" cannot name a schema: use lower-case letters, digits and _`)
  }
  const sql = connect({ url: options.url, schema, as: 'owner', max: 1 })
  try {
    await makeServingRole(sql)
    return await sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(hashtext(${`${schema}.migrate`}))`
      await tx.unsafe(`create schema if not exists ${schema}`)
      await tx`create table if not exists migrations (
        id integer primary key, name text not null, applied_at timestamptz not null default now())`
      const applied: string[] = []
      for (const migration of migrations) {
        const inserted = await tx`insert into migrations (id, name)
          values (${migration.id}, ${migration.name}) on conflict (id) do nothing returning id`
        if (inserted.length === 0) continue
        await tx.unsafe(migration.text)
        if (migration.id === 1) await makeHeads(tx as unknown as Sql, options.shards ?? 1)
        applied.push(migration.name)
      }
      for (const projection of projections) await makeTables(tx as unknown as Sql, projection)
      for (const text of functions) await tx.unsafe(text)
      for (const text of projectionFunctions()) await tx.unsafe(text)
      await tx.unsafe(guards)
      await tx`select extend_partitions()`
      await tx.unsafe(grants(schema))
      return { applied }
    })
  } finally {
    await sql.end()
  }
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

async function makeTables(tx: Sql, projection: Projection): Promise<void> {
  const inserted = await tx`insert into checkpoints (projection, shard, version)
    select ${projection.name}, shard, ${projection.version} from heads
    on conflict (projection, shard) do nothing returning shard`
  if (inserted.length === 0) return
  for (const table of projection.tables) await tx.unsafe(table)
}

function projectionFunctions(): string[] {
  const inline = projections.filter((p) => p.feed === 'inline')
  const catchUp = projections.filter((p) => p.feed === 'catch-up')
  return [inlineTrigger(inline), ...catchUp.map(catchUpFunction)]
}

/** Feeds every inline projection with the rows that were just written, inside the same transaction. */
function inlineTrigger(inline: readonly Projection[]): string {
  const steps = inline.map(
    (p) => `-- ${p.name}
  if exists (select from batch where ${p.concerns}) then
    ${p.apply.join(';\n    ')};
  end if;`,
  )
  return `create or replace function project_inline() returns trigger
language plpgsql as $$
begin
  ${steps.join('\n  ')}
  return null;
end
$$`
}

/** Moves one projection along the log: rows and checkpoint in one transaction, one mover at a time. */
function catchUpFunction(projection: Projection): string {
  const statements = projection.apply.map(
    (statement) => `with batch as (
      select * from events
      where shard = in_shard and position > v_from and position <= v_to and (${projection.concerns})
    )
    ${statement};`,
  )
  return `create or replace function catch_up_${projection.name}(in_shard smallint, in_most bigint)
returns bigint
language plpgsql security definer set search_path from current as $$
declare
  v_from bigint;
  v_to bigint;
  v_head bigint;
begin
  select position into v_from from checkpoints
    where projection = '${projection.name}' and shard = in_shard for update skip locked;
  if v_from is null then
    return 0;
  end if;
  select position into v_head from heads where shard = in_shard;
  v_to := least(v_head, v_from + in_most);
  if v_to > v_from then
    ${statements.join('\n    ')}
    update checkpoints set position = v_to where projection = '${projection.name}' and shard = in_shard;
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
    ...projections.filter((p) => p.feed === 'catch-up').map((p) => `catch_up_${p.name}`),
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
