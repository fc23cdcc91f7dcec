/**
 * Brings the schema to this version: numbered migrations once each, the tables of projections where they are missing, functions
 * always (they are code), grants, partitions. It is safe to run from many processes at once: one works, the others wait and
 * find nothing to do.
 */
import { projections } from '../../../projections/index.ts'
import type { Projection } from '../../../projections/projection.ts'
import { fillAccountNames } from '../account-profile.ts'
import { connect, defaultSchema, type Sql } from '../connect.ts'
import { grantRoles, makeRoles } from './grants.ts'
import { applyMigrations } from './migrations.ts'
import { requireOwnerRights } from './owner-rights.ts'
import { takeOwnership } from './ownership.ts'
import { codeTexts } from './schema-texts.ts'

export interface MigrateOptions {
  readonly url: string
  readonly schema?: string
  /** Number of shards, chosen at the first migration and kept. */
  readonly shards?: number
}

/**
 * Builds projections anew whose tables or mapping changed, while the old ones serve. Then it swaps them in, in one transaction
 * with `replaceFunctions`, which replaces the functions that feed and read them.
 */
export type Rebuild = (
  changed: readonly Projection[],
  replaceFunctions: (tx: Sql) => Promise<void>,
) => Promise<void>

/**
 * Migrates as whoever the URL logs in, and returns the migrations that were applied now.
 * @throws RightsMissing before anything is written; Error when a projection has changed and nothing is given to rebuild it
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
    await requireOwnerRights(sql, schema, 'migrate')
    await makeRoles(sql)
    const { applied, changed } = await sql.begin((tx) =>
      migrateWithin(tx as unknown as Sql, schema, options.shards),
    )
    if (changed.length > 0) {
      if (!options.rebuild) throw rebuildNeeded(changed)
      // The old functions go on feeding the old tables until the new ones have caught up.
      await options.rebuild(changed, (tx) => replaceFunctions(tx, schema))
    }
    await fillAccountNames(sql)
    return { applied }
  } finally {
    await sql.end()
  }
}

/**
 * Migrates in the transaction `tx`, as far as no projection has to be built anew: of those that have, the functions stay, too.
 * The roles must be there.
 */
async function migrateWithin(tx: Sql, schema: string, shards = 1) {
  const applied = await applyMigrations(tx, schema, shards)
  const changed = await makeProjectionTables(tx)
  if (changed.length === 0) await replaceFunctions(tx, schema)
  return { applied, changed }
}

/**
 * Makes the schema for a ledger that is about to be filled, in the transaction that fills it.
 * @throws Error when a projection there has changed
 */
export async function migrateEmpty(tx: Sql, shards: number): Promise<void> {
  const { changed } = await migrateWithin(tx, defaultSchema, shards)
  if (changed.length > 0) throw rebuildNeeded(changed)
}

function rebuildNeeded(changed: readonly Projection[]): Error {
  const names = changed.map(({ name }) => name).join(', ')
  return new Error(
    `these projections have changed and have to be built anew: ${names}: run "tollbook migrate"`,
  )
}

/** Makes the tables of projections where the log is empty, and returns the projections that are to be built from the log. */
async function makeProjectionTables(tx: Sql): Promise<Projection[]> {
  const found = await tx<{ projection: string; version: number }[]>`
    select projection, min(version) as version from projection_checkpoints group by projection`
  const [log] = await tx<[{ isEmpty: boolean }]>`
    select max(position) = 0 as "isEmpty" from heads`
  const changed: Projection[] = []
  for (const projection of projections) {
    const version = found.find((row) => row.projection === projection.name)?.version
    // A ledger that is set up for a later version serves this one too.
    if (version !== undefined && version >= projection.version) continue
    if (version !== undefined || !log.isEmpty) {
      changed.push(projection)
      continue
    }
    await tx`insert into projection_checkpoints (projection, shard, version)
      select ${projection.name}, shard, ${projection.version} from heads`
    for (const table of projection.tables) await tx.unsafe(table)
  }
  return changed
}

async function replaceFunctions(tx: Sql, schema: string): Promise<void> {
  for (const text of codeTexts()) await tx.unsafe(text)
  await dropReplacedOverloads(tx, schema)
  await takeOwnership(tx, schema)
  await tx`select extend_partitions()`
  await grantRoles(tx, schema)
}

/**
 * Drops what an earlier version made of a function under the same name with other parameters: who calls it by its name must not
 * come to that one. The transaction has just made those of this version.
 */
async function dropReplacedOverloads(tx: Sql, schema: string): Promise<void> {
  await tx.unsafe(`do $$ declare v_old regprocedure; begin
    for v_old in
      select old.oid from pg_proc old
      where old.pronamespace = '${schema}'::regnamespace and old.xmin <> pg_current_xact_id()::xid and exists (
        select from pg_proc made
        where made.proname = old.proname and made.pronamespace = old.pronamespace and made.xmin = pg_current_xact_id()::xid)
    loop
      execute format('drop routine %s', v_old);
    end loop; end $$`)
}
