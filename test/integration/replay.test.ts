/** Rebuilding projections from the log: in full service, after interruptions, and by other versions of them. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { seedLog } from '../../bench/seed-log.ts'
import { projections } from '../../projections/index.ts'
import type { Projection } from '../../projections/projection.ts'
import { connect, defaultSchema, type Sql } from '../../src/ledger/connect.ts'
import { migrate } from '../../src/ledger/migrate/migrate.ts'
import { asOf } from '../../src/projector/as-of.ts'
import { catchUp } from '../../src/projector/catch-up.ts'
import { tablesOf } from '../../src/projector/projection-tables.ts'
import { rebuild, rebuildAll } from '../../src/projector/rebuild/rebuild.ts'
import { buildShadow } from '../../src/projector/rebuild/shadow-projection.ts'
import { openVerifier, type Verification } from '../../src/projector/verify/verifier.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { runCli, runJson, startCli } from '../support/cli.ts'
import { compareWithProjections } from '../support/compare.ts'
import { readLog } from '../support/log.ts'
import { breachesOf } from '../support/log-rules.ts'
import { fold } from '../support/oracle.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import { withShippedClock } from '../support/shipped-clock.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'
import { fillVariedLedger } from '../support/varied-ledger.ts'

async function verified(url: string): Promise<Verification> {
  const verifier = await openVerifier({ url, maxDescribed: 5 })
  try {
    return await verifier.run()
  } finally {
    await verifier.close()
  }
}

function verifiedAtTestClock(ledger: Ledger): Promise<Verification> {
  return withShippedClock(ledger, () => verified(ledger.url))
}

function projectionOf(name: string): Projection {
  return projections.find((projection) => projection.name === name) as Projection
}

/** Every row of every projection's tables, as text. */
async function rowsOf(sql: Sql): Promise<Record<string, string[]>> {
  const dump: Record<string, string[]> = {}
  for (const table of projections.flatMap(tablesOf)) {
    const rows = await sql<{ row: string }[]>`
      select to_jsonb(t)::text as row from ${sql(table)} t order by 1`
    dump[table] = rows.map(({ row }) => row)
  }
  return dump
}

describe('a ledger in service', () => {
  let ledger: Ledger
  let key: TestKey
  beforeAll(async () => {
    ledger = await openLedger()
    key = await fillVariedLedger(ledger)
  })
  afterAll(() => ledger.close())

  test('has the same rows, grants and indexes after a rebuild, and its appends go on', async () => {
    const shape = () => ledger.owner`
      select c.relname, c.relacl::text, c.relpersistence, pg_get_userbyid(c.relowner) as owner, i.indexdef
      from pg_class c left join pg_indexes i on i.tablename = c.relname and i.schemaname = 'tollbook'
      where c.relnamespace = 'tollbook'::regnamespace and c.relname = any(${projections.flatMap(tablesOf)})
      order by c.relname, i.indexdef`
    const [before, shapeBefore] = [await rowsOf(ledger.sql), [...(await shape())]]
    const done = await rebuildAll(projections, { url: ledger.url })
    expect(done.map(({ projection }) => projection)).toEqual(projections.map(({ name }) => name))
    const { length } = await readLog(ledger.sql)
    expect(done.map(({ events }) => events)).toEqual(projections.map(() => length))
    expect(await rowsOf(ledger.sql)).toEqual(before)
    expect([...(await shape())]).toEqual(shapeBefore)
    const [left] = await ledger.owner`select to_regnamespace('tollbook_replay') as schema`
    expect(left?.schema).toBeNull()
    const { hold, verdict } = await ledger.hold(key, 3)
    expect([verdict, (await ledger.settle(hold, 2)).verdict]).toEqual(['ok', 'ok'])
    expect((await verifiedAtTestClock(ledger)).sound).toBe(true)
  })

  test('is repaired by a rebuild where its tables were changed', async () => {
    await ledger.owner`update lots set refunded = refunded + 1000`
    await ledger.owner`delete from daily_usage`
    await ledger.owner`update key_state set enabled = not enabled`
    expect((await verifiedAtTestClock(ledger)).sound).toBe(false)
    for (const name of ['balances', 'daily_usage', 'key_state']) {
      await rebuild(projectionOf(name), { url: ledger.url })
    }
    expect((await verifiedAtTestClock(ledger)).sound).toBe(true)
  })

  test('shows every reader whole tables while it is rebuilt under load, and loses nothing', async () => {
    const account = await ledger.account({ plan: 'pro' })
    // With caps, so that an inline projection beside the balances counts what they use.
    const keys = await Promise.all(
      [1, 2, 3].map(() => ledger.key(account, { monthlyCap: 1_000_000 })),
    )
    await ledger.grant(account, 1_000_000)
    const { accountId } = account
    const keyIds = keys.map(({ keyId }) => keyId)
    let rebuilding = true
    let calls = 0
    const load = keys.map(async (key, n) => {
      const gateway = ledger.newGateway(`load-${n}`)
      while (rebuilding) {
        const held = await Promise.all([1, 2, 3, 4].map(() => gateway.hold(key, 2)))
        for (const { hold, verdict } of held) {
          expect(verdict).toBe('ok')
          expect((await gateway.settle(hold, 1)).verdict).toBe('ok')
          calls++
        }
      }
    })
    const count = async () => {
      while (rebuilding) await catchUp(ledger.sql, [0])
    }
    // What a reader may see: what is never fewer than before, and what stands in two tables at once.
    const readers = [1, 2].map(async () => {
      const sql = connect({ url: ledger.url, as: 'reader', max: 1 })
      let before = { keys: 0, settled: 0, months: 0, days: 0, plans: 0 }
      let reads = 0
      while (rebuilding) {
        const [{ used, capUsed, ...now }] = await sql<
          [typeof before & Record<'used' | 'capUsed', number>]
        >`
          select (select count(*) from key_state) as keys, (select count(*) from account_plans) as plans,
            (select coalesce(sum(settled), 0)::bigint from lots where account_id = ${accountId}) as settled,
            (select coalesce(sum(held + settled), 0)::bigint from lots where account_id = ${accountId}) as used,
            (select coalesce(sum(used), 0)::bigint from cap_usage where key_id = any(${keyIds})) as "capUsed",
            (select coalesce(sum(settled), 0)::bigint from monthly_balances where account_id = ${accountId}) as months,
            (select coalesce(sum(credits), 0)::bigint from daily_usage where account_id = ${accountId}) as days`
        for (const name of Object.keys(before) as (keyof typeof before)[]) {
          expect(now[name], name).toBeGreaterThanOrEqual(before[name])
        }
        expect(used).toBe(capUsed)
        before = now
        reads++
      }
      await sql.end()
      return reads
    })
    const counting = count()
    const rounds = (async () => {
      try {
        for (let round = 0; round < 3; round++) {
          const atStart = calls
          await rebuildAll(projections, { url: ledger.url })
          await until(() => calls > atStart + 20)
        }
      } finally {
        rebuilding = false
      }
    })()
    const reads = await Promise.all(readers)
    await Promise.all([rounds, counting, ...load])
    expect(Math.min(...reads)).toBeGreaterThan(10)
    expect((await verifiedAtTestClock(ledger)).sound).toBe(true)
    const [row] = await ledger.sql`
      select sum(settled)::bigint as settled, sum(held)::bigint as held from lots where account_id = ${accountId}`
    expect(row).toEqual({ settled: calls, held: 0 })
  })

  test('keeps its tables when a reader holds on to them: the swap waits, and appends go on', async () => {
    const reader = connect({ url: ledger.url, as: 'reader', max: 1 })
    await reader.unsafe('begin; select from lots limit 1')
    let swapped = false
    const rebuilding = rebuild(projectionOf('balances'), { url: ledger.url }).then(() => {
      swapped = true
    })
    for (let call = 0; call < 20; call++) {
      const { hold, verdict } = await ledger.hold(key, 1)
      expect([verdict, (await ledger.settle(hold, 1)).verdict]).toEqual(['ok', 'ok'])
    }
    expect(swapped).toBe(false)
    await reader.unsafe('commit')
    await rebuilding
    await reader.end()
    expect((await verifiedAtTestClock(ledger)).sound).toBe(true)
  })

  test('shows its state as of any position, row by row', async () => {
    const log = await readLog(ledger.sql)
    for (const position of [0, 1, Math.floor(log.length / 2), log.length - 1]) {
      const states = await Promise.all(
        projections.map((projection) =>
          Array.fromAsync(
            asOf(projection, { url: ledger.url, positions: [{ shard: 0, position }] }),
          ),
        ),
      )
      const expected = fold(log.slice(0, position))
      for (const [table, rows] of Object.entries(expected)) {
        const shown = states.flat().filter((each) => each.table === table)
        expect(shown.length, `${table} as of ${position}`).toBe(rows.size)
      }
    }
    const now = Object.groupBy(
      (
        await Promise.all(
          projections.map((projection) =>
            Array.fromAsync(
              asOf(projection, {
                url: ledger.url,
                positions: [{ shard: 0, position: log.length }],
              }),
            ),
          ),
        )
      ).flat(),
      ({ table }) => table,
    )
    await catchUpAll(ledger.sql)
    for (const [table, rows] of Object.entries(await rowsOf(ledger.sql))) {
      const shown = (now[table] ?? []).map(({ row }) => row)
      expect(shown.length).toBe(rows.length)
      for (const row of rows) expect(shown).toContainEqual(JSON.parse(row))
    }
  })

  test('the command prints one account as it stood', async () => {
    const [opened] = await ledger.sql<{ position: number; account_id: string }[]>`
      select position, account_id from events where type = 'AccountOpened' order by position limit 1`
    const { position, account_id } = opened as NonNullable<typeof opened>
    const args = ['replay', 'balances', '--account', account_id]
    const { stdout, status } = await runCli([...args, '--as-of', `0-${position}`], {
      database: ledger.url,
    })
    expect(status).toBe(0)
    expect(stdout).toContain(account_id)
    const { stdout: before } = await runCli([...args, '--as-of', `0-${position - 1}`], {
      database: ledger.url,
    })
    expect(before).not.toContain(account_id)
    const pastTheEnd = await runCli(['replay', '--as-of', '0-999999'], { database: ledger.url })
    expect([pastTheEnd.status, pastTheEnd.stderr]).toEqual([
      1,
      expect.stringContaining('the log ends at 0-'),
    ])
  })

  test('the command names projections that there are', async () => {
    const { status, stderr } = await runCli(['replay', 'balance'], { database: ledger.url })
    expect([status, stderr]).toEqual([1, expect.stringContaining('did you mean balances?')])
    const several = ['replay', 'key_state,balances,key_state']
    const done = await runJson<{ projection: string }[]>(several, { database: ledger.url })
    expect(done.map(({ projection }) => projection)).toEqual(['key_state', 'balances'])
  })
})

test('a ledger of two shards is rebuilt, verified and shown as it stood like one of one', async () => {
  const ledger = await openLedger({ shards: 2 })
  try {
    const keys = await Promise.all(
      [0, 1].map(async (shard) => ledger.key(await ledger.account({ plan: 'pro', shard }))),
    )
    const gateways = [ledger, ledger.newGateway('second', { shard: 1 })]
    for (const [shard, key] of keys.entries()) {
      const gateway = gateways[shard] as Ledger
      const { hold } = await gateway.hold(key, 10)
      await gateway.settle(hold, 4 + shard)
      await gateway.hold(key, 3)
      await catchUpAll(ledger.sql, [shard])
    }
    const before = await rowsOf(ledger.sql)
    await rebuildAll(projections, { url: ledger.url })
    expect(await rowsOf(ledger.sql)).toEqual(before)
    const verification = await verifiedAtTestClock(ledger)
    expect(verification.log.map(({ shard }) => shard)).toEqual([0, 1])
    expect(verification.sound).toBe(true)
    await ledger.owner`update lots set settled = settled + 1 where shard = 1`
    const { differences } = (await verifiedAtTestClock(ledger)).projections.find(
      ({ differing }) => differing > 0,
    ) as Verification['projections'][number]
    expect(differences.map(({ key }) => key.shard)).toEqual([1])
    const end = { shard: 1, position: verification.log[1]?.upTo as number }
    const rows = await Array.fromAsync(
      asOf(projectionOf('balances'), { url: ledger.url, positions: [end] }),
    )
    expect(new Set(rows.map(({ row }) => row.shard))).toEqual(new Set([1]))
  } finally {
    await ledger.close()
  }
})

describe('a generated log', () => {
  const events = 25_000
  let database: TestDatabase
  let sql: Sql
  beforeAll(async () => {
    database = await createDatabase()
    await seedLog(database.url, { events, keys: 300, seed: 7 })
    sql = connect({ url: database.url, as: 'owner', max: 2 })
  })
  afterAll(async () => {
    await sql?.end()
    await database?.drop()
  })

  test('keeps every rule of a log, and is what it says once its projections are replayed', async () => {
    expect(await verified(database.url)).toMatchObject({ sound: false })
    const done = await runJson<{ events: number; resumed: boolean }[]>(['replay'], {
      database: database.url,
    })
    expect(done.map(({ resumed }) => resumed)).toEqual(projections.map(() => false))
    const verification = await verified(database.url)
    expect(verification.log[0]).toEqual({ shard: 0, upTo: events, faulty: 0, faults: [] })
    expect(verification.sound).toBe(true)
    const log = await readLog(sql)
    // The rules look at every lot at every event: the first thousands, with all accounts, will do.
    expect(breachesOf(log.slice(0, 3_000))).toEqual([])
    expect(await compareWithProjections(sql)).toEqual([])
    for (const type of ['HoldExtended', 'HoldExpired', 'HoldReleased', 'ChargeRefunded'])
      expect(
        log.some((event) => event.type === type),
        type,
      ).toBe(true)
  })

  test('a rebuild that was killed goes on where it stopped', async () => {
    // It cannot end before it is killed: a reader holds on to the tables in service.
    const reader = connect({ url: database.url, as: 'owner', max: 1 })
    await reader.unsafe('begin; select from monthly_balances limit 1')
    const child = startCli(['replay', 'monthly_balances'], { database: database.url })
    const reached = async () => {
      const [there] = await sql`select to_regclass('tollbook_replay.progress') as progress`
      if (!there?.progress) return 0
      const [row] = await sql`
        select position from tollbook_replay.progress where projection = 'monthly_balances'`
      return row?.position ?? 0
    }
    // Nor can it make its tables logged, while the reader holds on to them too.
    await until(async () => {
      const [there] = await sql`select to_regclass('tollbook_replay.monthly_balances') as made`
      return there?.made !== null
    })
    await reader.unsafe('select from tollbook_replay.monthly_balances limit 1')
    await until(async () => (await reached()) > 0, 30_000)
    // A crash of PostgreSQL would empty the tables and the position alike: all are unlogged until they are full.
    const shadow = await sql`select distinct relpersistence as kind from pg_class
      where relnamespace = 'tollbook_replay'::regnamespace and relkind = 'r'`
    expect([...shadow]).toEqual([{ kind: 'u' }])
    child.kill('SIGKILL')
    await child.exited
    await reader.unsafe('rollback')
    await reader.end()
    // What the server was at when its client died may still end.
    await until(async () => {
      const [row] = await sql`select count(*) as busy from pg_stat_activity
        where datname = current_database() and state = 'active' and query ilike '%tollbook_replay%'
          and pid <> pg_backend_pid()`
      return row?.busy === 0
    })
    const position = await reached()
    expect(position).toBeGreaterThan(0)
    const result = await rebuild(projectionOf('monthly_balances'), { url: database.url })
    expect(result).toMatchObject({ resumed: true })
    expect(result.events).toBeLessThanOrEqual(events - position)
    expect((await verified(database.url)).sound).toBe(true)
  })

  test('an interrupted rebuild by another mapping is begun again', async () => {
    const projection = projectionOf('monthly_balances')
    const older = {
      ...projection,
      apply: [...projection.apply, { eventTypes: [], sql: 'select from batch limit 0' }],
    }
    const owner = connect({ url: database.url, as: 'owner', max: 1 })
    expect((await buildShadow(owner, older, defaultSchema)).resumed).toBe(false)
    expect((await buildShadow(owner, older, defaultSchema)).resumed).toBe(true)
    await owner.end()
    expect((await rebuild(projection, { url: database.url })).resumed).toBe(false)
    expect((await verified(database.url)).sound).toBe(true)
  })

  test('two rebuilds at once do not mix', async () => {
    const projection = projectionOf('balances')
    const outcomes = await Promise.allSettled(
      [1, 2, 3].map(() => rebuild(projection, { url: database.url })),
    )
    expect(outcomes.some(({ status }) => status === 'fulfilled')).toBe(true)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason.message).toContain('another rebuild')
    }
    expect((await verified(database.url)).sound).toBe(true)
  })

  test('is written into an empty ledger only', async () => {
    await expect(seedLog(database.url, { events: 10, keys: 1 })).rejects.toThrow('not empty')
    await migrate({ url: database.url })
  })
})
