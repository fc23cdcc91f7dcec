/** The numbered migrations. Each is applied once, in a transaction that inserts its number first. */
import { frequentTypes } from '../../../events/event-types.ts'
import { isOpening } from '../../../events/openings.ts'
import { typeNotIn } from '../../../events/type-condition.ts'
import type { Sql } from '../connect.ts'
import schema8 from '../sql/000008-schema.sql' with { type: 'text' }
import readablePayloads from '../sql/000009-readable-payloads.sql' with { type: 'text' }
import refusedCalls from '../sql/000010-refused-calls.sql' with { type: 'text' }
import logins from '../sql/000011-logins.sql' with { type: 'text' }
import rulesOfEvents from '../sql/000012-rules-of-events.sql' with { type: 'text' }
import portalSessions from '../sql/000013-portal-sessions.sql' with { type: 'text' }
import rolesOfSessions from '../sql/000014-roles-of-sessions.sql' with { type: 'text' }
import accountNames from '../sql/000015-account-names.sql' with { type: 'text' }
import { fillIn } from '../sql/fill-in.ts'

/** Numbers 1 to 7 are folded into number 8: none of them was ever in a release. */
const migrations: readonly { id: number; name: string; text: string }[] = [
  {
    id: 8,
    name: 'schema',
    text: fillIn(schema8, { is_rare: typeNotIn(frequentTypes), is_opening: isOpening }),
  },
  { id: 9, name: 'readable-payloads', text: readablePayloads },
  {
    id: 10,
    name: 'refused-calls',
    text: fillIn(refusedCalls, { is_rare: typeNotIn(frequentTypes) }),
  },
  { id: 11, name: 'logins', text: logins },
  { id: 12, name: 'rules-of-events', text: rulesOfEvents },
  { id: 13, name: 'portal-sessions', text: portalSessions },
  { id: 14, name: 'roles-of-sessions', text: rolesOfSessions },
  { id: 15, name: 'account-names', text: accountNames },
]

export const migrationTexts: readonly string[] = migrations.map(({ text }) => text)

/** Their numbers and names, as the ledger's table of migrations has them. */
export const migrationNames: ReadonlyMap<number, string> = new Map(
  migrations.map(({ id, name }) => [id, name]),
)

export const migrationsTable = `create table if not exists migrations (
  id integer primary key, name text not null, applied_at timestamptz not null default now())`

/** The number that a ledger's table of migrations ends with when it is set up for this version. */
export const newestMigration = Math.max(...migrations.map(({ id }) => id))

/**
 * Applies the migrations that a schema does not have yet, in the transaction `tx`, and returns their names. Another process that
 * migrates the same schema waits until the transaction has ended.
 */
export async function applyMigrations(tx: Sql, schema: string, shards: number): Promise<string[]> {
  await tx`select pg_advisory_xact_lock(hashtext(${`${schema}.migrate`}))`
  const [found] = await tx`select 1 from pg_namespace where nspname = ${schema}`
  // Even "if not exists" asks for the right to create schemas, which the owner of this one need not have.
  if (!found) await tx.unsafe(`create schema ${schema}`)
  await tx.unsafe(migrationsTable)
  await refuseUnreleasedSchema(tx, schema)
  const applied: string[] = []
  for (const { id, name, text } of migrations) {
    const inserted = await tx`
      insert into migrations (id, name) values (${id}, ${name}) on conflict (id) do nothing returning id`
    if (inserted.length === 0) continue
    await tx.unsafe(text)
    if (id === 8) await tx`insert into heads (shard) select generate_series(0, ${shards - 1})`
    applied.push(name)
  }
  return applied
}

/** Migrations 1 to 7 were never released, and nothing leads from their tables to today's. */
async function refuseUnreleasedSchema(tx: Sql, schema: string): Promise<void> {
  const [old] = await tx`select 1 from migrations where id < 8`
  if (!old) return
  throw new Error(
    `the schema "${schema}" was made by an unreleased version, and cannot be migrated: use another database, or drop the schema`,
  )
}
