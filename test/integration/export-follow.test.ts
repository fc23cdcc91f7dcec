// An archive of the log that goes on where it stopped, by months, in a folder or in an object store.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { openArchiveStore } from '../../src/export/archive-store.ts'
import { followLog } from '../../src/export/follow-log.ts'
import { runCli, runJson } from '../support/cli.ts'
import { buildLedger, type LedgerBuilder, type TestKey } from '../support/ledger-builder.ts'
import { startObjectStore } from '../support/object-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'tollbook-archive-'))
const archive = join(folder, 'archive')
let ledger: LedgerBuilder
let key: TestKey
let database: string

beforeAll(async () => {
  ledger = await buildLedger()
  database = ledger.url
  await ledger.at('2031-10-30T10:00:00.123456Z')
  key = await ledger.openAccount('pro')
  await ledger.charge(key, { credits: 5, quantity: 7 })
  await ledger.grant(key, 70, { externalId: 'a "quoted" ü, id' })
  await ledger.at('2031-11-02T00:00:00Z')
  await ledger.charge(key, { credits: 4 })
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await ledger[Symbol.asyncDispose]()
})

const follow = (target = archive, env: Record<string, string> = {}) =>
  runJson(['export', 'events', target, '--follow'], { database, env })

function filesOf(target: string): string[] {
  const all = readdirSync(target, { recursive: true, encoding: 'utf8' })
  return all.filter((path) => path.endsWith('.parquet')).sort()
}

async function duck(query: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  try {
    await connection.run(`set timezone = 'UTC'`)
    return (await connection.runAndReadAll(query)).getRowObjectsJson() as Record<string, unknown>[]
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

/** All columns of the log, as both print them. */
const columns = `shard, position, type, stream_version, account_id, key_id, mode, request_id, endpoint, tariff, credits,
  quantity, slots, status, latency_ms, actor, instance, login, payload::text as payload`

async function expectWholeLog(from: string): Promise<void> {
  const times = `(extract(epoch from recorded_at) * 1000000)::bigint::text as recorded,
    (extract(epoch from occurred_at) * 1000000)::bigint::text as occurred`
  const inLog = await ledger.sql.unsafe(`
    select ${columns}, ${times}, encode(event_hash, 'hex') as event_hash,
      array_to_string(lots, ' ') as lots, array_to_string(held, ' ') as held, array_to_string(moved, ' ') as moved
    from events order by shard, position`)
  const archived = await duck(`
    select ${columns}, epoch_us(recorded_at)::varchar as recorded, epoch_us(occurred_at)::varchar as occurred, event_hash,
      array_to_string(lots, ' ') as lots, array_to_string(held, ' ') as held, array_to_string(moved, ' ') as moved
    from ${from} order by shard, position`)
  const plain = (rows: readonly object[]) =>
    rows.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [name, value === null ? null : String(value)]),
      ),
    )
  expect(plain(archived)).toEqual(plain(inLog))
}

test('what is written is the log, by months, with the names of the database', async () => {
  const size = await ledger.ledger.size()
  expect(await follow()).toEqual({ archive, rows: size, files: 3 })
  // The prices were published long before.
  expect(filesOf(archive).map(dirname).slice(1)).toEqual(['month=2031-10', 'month=2031-11'])
  await expectWholeLog(`read_parquet('${archive}/*/*.parquet', hive_partitioning = true)`)
  const byMonth = await duck(`select month, count(*)::integer as events
    from read_parquet('${archive}/*/*.parquet', hive_partitioning = true, hive_types = {month: VARCHAR})
    group by month order by month`)
  expect(byMonth.map(({ month }) => month).slice(1)).toEqual(['2031-10', '2031-11'])
  expect(byMonth.reduce((sum, { events }) => sum + Number(events), 0)).toBe(size)
})

test('it goes on where it stopped, and changes nothing that is written', async () => {
  const before = filesOf(archive)
  expect(await follow()).toEqual({ archive, rows: 0, files: 0 })
  await ledger.charge(key, { credits: 2 })
  const { rows, files } = await follow()
  expect([rows > 0, files]).toEqual([true, 1])
  const after = filesOf(archive)
  expect(after).toHaveLength(before.length + 1)
  expect(after).toEqual(expect.arrayContaining(before))
  await expectWholeLog(`'${archive}/*/*.parquet'`)
})

test('many events are read in pieces, and a file that was broken off is written again', async () => {
  const { length } = filesOf(archive)
  await manyCounted(45_000)
  const half = join(archive, 'month=2031-11', '0-1-2-3.parquet.new')
  writeFileSync(half, 'half a file')
  const notOurs = join(archive, 'nginx.conf.new')
  writeFileSync(notOurs, 'of somebody else')
  expect(await follow()).toEqual({ archive, rows: 45_000, files: 1 })
  expect(existsSync(half)).toBe(false)
  expect(existsSync(notOurs)).toBe(true)
  expect(filesOf(archive)).toHaveLength(length + 1)
  const [counted] = await duck(`select count(*)::integer as events, max(position)::integer as last,
    count(distinct event_hash)::integer as hashes from '${archive}/*/*.parquet'`)
  const size = await ledger.ledger.size()
  expect(counted).toEqual({ events: size, last: size, hashes: size } as never)
})

test('one export at a time writes to an archive, and the next one goes on', async () => {
  const target = join(folder, 'shared')
  const store = openArchiveStore(target)
  const writing = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  const first = followLog(ledger.sql, {
    ...store,
    async put(path, bytes) {
      writing.resolve()
      await goOn.promise
      await store.put(path, bytes)
    },
  })
  await Promise.race([writing.promise, first])
  const { status, stderr } = await runCli(['export', 'events', `${target}/../shared`, '--follow'], {
    database,
  })
  goOn.resolve()
  expect([status, stderr]).toEqual([1, expect.stringContaining('another export writes there now')])
  const size = await ledger.ledger.size()
  expect(await first).toMatchObject({ rows: size })
  expect(await follow(target)).toMatchObject({ rows: 0 })
})

test.each(['S3://archives/log', 'gs://archives/log', 's3:///log', 'file:///log'])(
  '%s is no folder of such a name',
  async (target) => {
    const { status, stderr } = await runCli(['export', 'events', target, '--follow'], { database })
    expect([status, stderr]).toEqual([1, expect.stringContaining('s3://bucket/prefix')])
    expect(existsSync(target.split('/')[0] ?? '')).toBe(false)
  },
)

test('an archive that lacks a file, is of another log, or has other files is refused', async () => {
  const files = filesOf(archive)
  const refusal = async (target = archive) => {
    const { status, stderr } = await runCli(['export', 'events', target, '--follow'], { database })
    expect(status).toBe(1)
    return stderr
  }
  const first = files.find((path) => path.includes('/0-1-')) ?? ''
  const last = files.at(-1) ?? ''
  renameSync(join(archive, first), join(folder, 'aside'))
  expect(await refusal()).toContain('a file of shard 0 is missing that begins at position 1')
  renameSync(join(folder, 'aside'), join(archive, first))

  const twice = first.replace(/-1-\d+-/, '-1-9-')
  writeFileSync(join(archive, twice), '')
  expect(await refusal()).toContain('files of shard 0 overlap: 1 to 1 and 1 to 9')
  rmSync(join(archive, twice))

  const other = last.replace(/[0-9a-f]+\.parquet$/, '0123456789abcdef.parquet')
  renameSync(join(archive, last), join(archive, other))
  expect(await refusal()).toContain('has another event in the archive than in the log')
  renameSync(join(archive, other), join(archive, last))

  const further = join(folder, 'further')
  mkdirSync(join(further, 'month=2031-10'), { recursive: true })
  writeFileSync(join(further, 'month=2031-10', '0-1-90000000-0123456789abcdef.parquet'), '')
  expect(await refusal(further)).toContain('and the log ends at')

  const strange = join(folder, 'strange')
  mkdirSync(strange)
  writeFileSync(join(strange, 'log.parquet'), '')
  expect(await refusal(strange)).toContain('log.parquet is no file of an archive')
  expect(await follow()).toMatchObject({ rows: 0 })
})

test('in an object store, it is the same files', async () => {
  const store = startObjectStore()
  try {
    const target = 's3://archives/tollbook/log'
    const size = await ledger.ledger.size()
    expect(await follow(target, store.env)).toEqual({ archive: target, rows: size, files: 3 })
    for (let more = 0; more < 3; more++) {
      await ledger.charge(key, { credits: 1 })
      expect(await follow(target, store.env)).toMatchObject({ files: 1 })
    }
    expect(await follow(target, store.env)).toMatchObject({ rows: 0, files: 0 })
    const names = [...store.objects.keys()]
    expect(names).toHaveLength(6)
    expect(names.every((name) => name.startsWith('archives/tollbook/log/month=20'))).toBe(true)
    expect(store.signed.every((text) => text?.includes('Credential=tester/'))).toBe(true)
    for (const [name, bytes] of store.objects) {
      const file = join(folder, 'copy', name)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, bytes)
    }
    const [counted] = await duck(
      `select count(*)::integer as events from '${folder}/copy/archives/tollbook/log/*/*.parquet'`,
    )
    expect(counted).toEqual({ events: await ledger.ledger.size() } as never)
  } finally {
    store.stop()
  }
})

test('options that mean a part of the log are refused', async () => {
  const { status, stderr } = await runCli(
    ['export', 'events', archive, '--follow', '--from', '2031-11-01'],
    { database },
  )
  expect([status, stderr]).toEqual([1, expect.stringContaining('--from does not go with --follow')])
})

/** Appending them would take a while, so they are inserted. */
async function manyCounted(count: number): Promise<void> {
  await ledger.ledger.owner`
    insert into events (shard, position, recorded_at, occurred_at, type, account_id, key_id, mode, endpoint,
      quantity, actor, instance, payload, event_hash)
    select 0, h.position + n, h.recorded_at, h.recorded_at, 'CallsCounted', ${key.accountId}, ${key.keyId}, 'live',
      'voices', 1, 'test', 'test', '{"errors":0,"latencyMsSum":3}', decode(md5(n::text), 'hex')
    from heads h, generate_series(1, ${count}::integer) n`
  await ledger.ledger.owner`update heads set position = position + ${count}`
}
