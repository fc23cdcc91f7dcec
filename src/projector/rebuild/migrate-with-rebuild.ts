/**
 * Migrates a ledger to this version of the program. Projections whose version changed are built anew from the log,
 * beside the old ones. The old ones serve until the new ones and their functions take over, in one transaction.
 */
import { connect, defaultSchema, type Sql } from '../../ledger/connect.ts'
import { type MigrateOptions, migrate, type Rebuild } from '../../ledger/migrate/migrate.ts'
import { requireOwnerRights } from '../../ledger/migrate/owner-rights.ts'
import type { Progress } from '../progress.ts'
import { buildShadow, type ShadowProjection } from './shadow-projection.ts'
import { dropReplaySchema } from './shadow-tables.ts'
import { swap } from './swap.ts'

interface Migrated {
  /** Migrations that were applied now. */
  readonly applied: readonly string[]
  /** Projections that were built anew. */
  readonly rebuilt: readonly string[]
}

/** Migrations that are started at once take turns, and the later ones find nothing to do. */
export async function migrateWithRebuild(
  options: MigrateOptions & { readonly progress?: Progress },
): Promise<Migrated> {
  const schema = options.schema ?? defaultSchema
  const sql = connect({ url: options.url, schema, as: 'owner', max: 1 })
  const lock = connect({ url: options.url, schema, as: 'owner', max: 1 })
  const rebuilt: string[] = []
  const rebuild: Rebuild = async (changed, replaceFunctions) => {
    await requireOwnerRights(sql, schema, 'rebuild')
    const shadows: ShadowProjection[] = []
    for (const projection of changed) {
      shadows.push(await buildShadow(sql, projection, schema, options.progress))
    }
    await swap(shadows, (texts) =>
      sql.begin(async (tx) => {
        for (const text of texts) await tx.unsafe(text)
        await replaceFunctions(tx as unknown as Sql)
      }),
    )
    await sql.unsafe(dropReplaySchema(schema))
    rebuilt.push(...changed.map(({ name }) => name))
  }
  try {
    await lock`select pg_advisory_lock(hashtext(${`${schema}.deploy`}))`
    const { applied } = await migrate({ ...options, rebuild })
    return { applied, rebuilt }
  } finally {
    await Promise.all([sql, lock].map((pool) => pool.end({ timeout: 5 })))
  }
}
