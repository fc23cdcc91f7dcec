/** Migration: safe to run by everyone at once, and again. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { frequentTypes } from '../../events/event-types.ts'
import { connect } from '../../src/ledger/connect.ts'
import { migrate } from '../../src/ledger/migrate/migrate.ts'
import functionsBefore from '../fixtures/functions-before.json'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import { openLedger } from '../support/test-ledger.ts'

let database: TestDatabase
beforeEach(async () => {
  database = await createDatabase()
})
afterEach(() => database.drop())

/** Everything that the schema is made of, as text. */
async function shape(url: string, schema = 'tollbook'): Promise<string[]> {
  const sql = connect({ url, as: 'owner', max: 1, schema })
  const rows = await sql<{ text: string }[]>`
    select c.relkind::text || ' ' || c.relname || ' ' || coalesce(c.relacl::text, '') as text
    from pg_class c where c.relnamespace = ${schema}::regnamespace
    union all
    select p.oid::regprocedure::text || ' ' || coalesce(p.proacl::text, '') || ' ' || md5(pg_get_functiondef(p.oid))
    from pg_proc p where p.pronamespace = ${schema}::regnamespace and p.prokind = 'f'
    union all
    select t.tgrelid::regclass || ' ' || t.tgname from pg_trigger t
    join pg_class c on c.oid = t.tgrelid where c.relnamespace = ${schema}::regnamespace
    union all
    select 'head ' || shard from heads
    union all
    select 'migration ' || name from migrations
    union all
    select 'checkpoint ' || projection || ' ' || shard || ' ' || version from projection_checkpoints
    order by 1`
  await sql.end()
  return rows.map((row) => row.text)
}

describe('migrate', () => {
  test('by twenty at once: one applies, the others find nothing to do', async () => {
    const { url } = database
    const results = await Promise.all(Array.from({ length: 20 }, () => migrate({ url })))
    expect(results.filter((a) => a.applied.length > 0)).toEqual([
      {
        applied: [
          ...['schema', 'readable-payloads', 'refused-calls', 'logins', 'rules-of-events'],
          ...['portal-sessions', 'roles-of-sessions', 'account-names'],
        ],
      },
    ])
    expect((await shape(url)).filter((line) => line.startsWith('head '))).toEqual(['head 0'])
  })

  test('again changes nothing', async () => {
    const { url } = database
    await migrate({ url, shards: 3 })
    const before = await shape(url)
    expect(await migrate({ url })).toEqual({ applied: [] })
    expect(await migrate({ url, shards: 5 })).toEqual({ applied: [] })
    expect(await shape(url)).toEqual(before)
    expect(before.filter((line) => line.startsWith('head '))).toHaveLength(3)
  })

  test('keeps to a schema of its own, and two ledgers can share a database', async () => {
    const { url } = database
    await migrate({ url, schema: 'first' })
    await migrate({ url, schema: 'second' })
    expect((await shape(url, 'second')).length).toBe((await shape(url, 'first')).length)
    const sql = connect({ url, as: 'owner', max: 1 })
    const [row] = await sql`
      select count(*) as outside from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname not in ('first', 'second', 'pg_catalog', 'information_schema', 'pg_toast')`
    await sql.end()
    expect(row).toEqual({ outside: 0 })
  })

  test('makes an index of rare events that leaves out just what calls append', async () => {
    await migrate({ url: database.url })
    const sql = connect({ url: database.url, as: 'owner', max: 1 })
    const [index] = await sql<[{ of: string }]>`
      select pg_get_expr(indpred, indrelid) as of from pg_index where indexrelid = 'events_rare'::regclass`
    await sql.end()
    expect([...(index.of.match(/\w+(?='::text)/g) ?? [])]).toEqual(frequentTypes)
    expect(index.of).toContain('<> ALL')
  })

  test('replaces functions of a version before, whatever they were given and gave back', async () => {
    const { url } = database
    await migrate({ url })
    const sql = connect({ url, as: 'owner', max: 1 })
    const found = await sql<{ name: string; arguments: string; result: string }[]>`
      select p.oid::regprocedure::text as name, pg_get_function_arguments(p.oid) as arguments, pg_get_function_result(p.oid) as result
      from pg_proc p where p.pronamespace = current_schema()::regnamespace and p.prokind = 'f'`
    const now = new Map(found.map(({ name, ...of }) => [name, of]))
    const changed = Object.entries(functionsBefore).filter(
      ([name, before]) => !Bun.deepEquals(now.get(name), before),
    )
    expect(changed.length).toBeGreaterThan(0)
    for (const [name, { arguments: given, result }] of changed) {
      if (now.has(name)) await sql.unsafe(`drop function ${name}`)
      await sql.unsafe(
        `create function ${name.replace(/\(.*/, '')}(${given}) returns ${result} language plpgsql as 'begin end'`,
      )
    }
    await migrate({ url })
    await sql.end()
  })

  test('refuses a schema of an unreleased version, and leaves it as it is', async () => {
    const { url } = database
    const sql = connect({ url, as: 'owner', max: 1 })
    await migrate({ url })
    await sql`insert into migrations (id, name) values (7, 'schema')`
    await sql`delete from migrations where id = 8`
    const before = await shape(url)
    await expect(migrate({ url })).rejects.toThrow('was made by an unreleased version')
    expect(await shape(url)).toEqual(before)
    await sql.end()
  })

  test('refuses a schema’s name that would have to be quoted', async () => {
    for (const schema of ['Toll', 'a-b', '1a', '', 'x; drop', 'é']) {
      await expect(migrate({ url: database.url, schema })).rejects.toThrow('cannot name a schema')
    }
  })

  test('while calls are being appended disturbs none of them', async () => {
    const ledger = await openLedger()
    const key = await ledger.key(await ledger.account({ plan: 'pro' }))
    const gateway = ledger.newGateway()
    let migrated = false
    const migrations = (async () => {
      for (let i = 0; i < 5; i++) await migrate({ url: ledger.url })
      migrated = true
    })()
    const verdicts = new Set<string>()
    while (!migrated) {
      const { hold, verdict } = await gateway.hold(key, 1)
      verdicts.add(verdict)
      verdicts.add((await gateway.settle(hold, 0)).verdict)
    }
    await migrations
    expect([...verdicts]).toEqual(['ok'])
    await ledger.close()
  })
})
