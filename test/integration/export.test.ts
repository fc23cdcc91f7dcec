// What is exported is the log, in every format, however often the export was broken off.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { type ExportFormat, writeExport } from '../../src/export/write-export.ts'
import { eventRanges, eventRows } from '../../src/reports/log-reader/event-rows.ts'
import type { RowSource } from '../../src/reports/log-reader/row-source.ts'
import { runCli, runJson } from '../support/cli.ts'
import { buildLedger, type LedgerBuilder, type TestKey } from '../support/ledger-builder.ts'

const folder = mkdtempSync(join(tmpdir(), 'tollbook-export-'))
const manyEvents = 12_000
let ledger: LedgerBuilder
let key: TestKey
let database: string

beforeAll(async () => {
  ledger = await buildLedger()
  database = ledger.url
  await ledger.at('2031-10-05T10:00:00.123456Z')
  key = await ledger.openAccount('pro')
  await ledger.charge(key, { credits: 5, quantity: 7 })
  await ledger.grant(key, 70, { externalId: 'a "quoted", id' })
  await ledger.refund({ requestId: await ledger.charge(key, { credits: 9 }), credits: 2 })
  await ledger.adjust(key, 3)
  await manyCounted()
  await ledger.at('2031-11-02T00:00:00Z')
  await ledger.charge(key, { credits: 4 })
})

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await ledger[Symbol.asyncDispose]()
})

describe('the log', () => {
  test('as Parquet opens in DuckDB, and its sums are those of the log', async () => {
    const target = join(folder, 'log.parquet')
    const done = await exportLog(target, 'parquet', { fileRows: 7_000 })
    expect(done.rows).toBe(await ledger.ledger.size())
    expect(readdirSync(target).length).toBe(2)
    const query = (from: string) => `
      select type, count(*)::bigint as events, sum(credits)::bigint as credits,
        sum(quantity)::bigint as quantity, max(position)::bigint as last
      from ${from} group by type order by type`
    const inLog = await ledger.sql.unsafe(query('events'))
    expect(await duck(query(`'${target}/*.parquet'`))).toEqual(numbers(inLog) as never)

    const [time] =
      await duck(`select min("recordedAt")::varchar as first, typeof(min("lots")) as lots
      from '${target}/*.parquet' where type = 'HoldSettled'`)
    expect(time).toEqual({ first: '2031-10-05 10:00:00.123456+00', lots: 'BIGINT[]' })
    const lots = await duck(`select sum(moved) as moved from (
      select unnest(moved)::bigint as moved from '${target}/*.parquet' where type = 'HoldSettled')`)
    expect(lots).toMatchObject([{ moved: 18 }])
    const [id] = await duck(`select payload ->> 'externalId' as id from '${target}/*.parquet'
      where type = 'CreditsGranted' and (payload ->> 'kind') = 'paid'`)
    expect(id).toEqual({ id: 'a "quoted", id' })
  })

  test('as CSV and as JSON lines it is the same rows', async () => {
    const [csv, jsonl] = [join(folder, 'log.csv'), join(folder, 'log.jsonl')]
    await exportLog(csv, 'csv')
    await exportLog(jsonl, 'jsonl')
    const columns = `shard, position, "occurredAt"::timestamptz as t, type, "accountId" as a, credits, payload::json as p`
    const rows = (from: string) => duck(`select ${columns} from ${from} order by position limit 12`)
    const ofCsv = await rows(`read_csv('${csv}', types = {'payload': 'VARCHAR'})`)
    const types = `{shard: 'BIGINT', position: 'BIGINT', occurredAt: 'VARCHAR', type: 'VARCHAR',
      accountId: 'VARCHAR', credits: 'BIGINT', payload: 'JSON'}`
    expect(ofCsv).toEqual(await rows(`read_json('${jsonl}', columns = ${types})`))
    const first = JSON.parse(readFileSync(jsonl, 'utf8').split('\n')[0] ?? '')
    expect(first).toMatchObject({ position: 1, type: 'TariffPublished', lots: null })
    expect(Object.keys(first)).not.toContain('private')
    expect(first.eventHash).toMatch(/^[0-9a-f]{64}$/)
  })

  test.each(['csv', 'jsonl', 'parquet'] as const)(
    'as %s, broken off and gone on with, it is the same',
    async (format) => {
      const [whole, broken] = [join(folder, `whole.${format}`), join(folder, `broken.${format}`)]
      const fileRows = 5_000
      await exportLog(whole, format, { fileRows })
      let left = 1
      const breakOff = () => {
        if (left-- === 0) throw new Error('broken off')
      }
      await expect(exportLog(broken, format, { fileRows, progress: breakOff })).rejects.toThrow(
        'broken off',
      )
      expect(existsSync(broken)).toBe(false)
      // What a crash leaves behind after the last checkpoint.
      if (format !== 'parquet') appendFileSync(`${broken}.part`, 'half a li')
      else appendFileSync(join(`${broken}.part`, '000009.parquet'), 'half a file')
      const { resumedAt, rows } = await exportLog(broken, format, { fileRows })
      expect(resumedAt).toBeGreaterThan(0)
      expect(rows).toBe(await ledger.ledger.size())
      expect(contentOf(broken)).toEqual(contentOf(whole))
      expect(readdirSync(folder).filter((name) => /part|checkpoint/.test(name))).toEqual([])
    },
  )

  test('gone on with, it ends where the log ended when it was begun', async () => {
    const target = join(folder, 'steady.jsonl')
    const size = await ledger.ledger.size()
    const breakOff = () => {
      throw new Error('broken off')
    }
    await expect(exportLog(target, 'jsonl', { progress: breakOff })).rejects.toThrow()
    await ledger.count(key, 1)
    expect(await exportLog(target, 'jsonl')).toMatchObject({ rows: size })
  })

  test('another export under the same name begins anew', async () => {
    const target = join(folder, 'anew.jsonl')
    const breakOff = () => {
      throw new Error('broken off')
    }
    await expect(exportLog(target, 'jsonl', { progress: breakOff })).rejects.toThrow()
    const ranges = [{ shard: 0, from: 2, to: 3 }]
    const open = async () => ({ rows: eventRows(ledger.sql, ranges), scope: ranges })
    const done = await writeExport({ target, format: 'jsonl', what: 'two events', open })
    expect(done).toEqual({ rows: 2, resumedAt: 0 })
    expect(readFileSync(target, 'utf8').trim().split('\n')).toHaveLength(2)
  })
})

describe('on the command line', () => {
  test('events of a time', async () => {
    const target = join(folder, 'november.csv')
    const ask = ['export', 'events', target, '--from', '2031-11-01', '--to', '2031-12-01']
    const { rows } = await runJson(ask, { database })
    const [held] = await ledger.sql`
      select count(*) as count from events where recorded_at >= '2031-11-01'`
    expect({ count: rows }).toEqual({ ...held } as never)
    const again = await runCli(ask, { database })
    expect(again).toMatchObject({ status: 1, stdout: '' })
    expect(again.stderr).toContain('already exists')
  })

  test('statements, which add up to their closings in DuckDB', async () => {
    const target = join(folder, 'october.parquet')
    const ran = await runCli(['export', 'statements', target, '--month', '2031-10'], { database })
    expect(ran).toMatchObject({ status: 0, stderr: '' })
    const sums = await duck(`
      select sum(credits) filter (entry <> 'closing')::bigint as moved,
        sum(credits) filter (entry = 'closing')::bigint as closing,
        -sum(credits) filter (entry = 'charge')::bigint as charged,
        sum(calls)::bigint as calls
      from '${target}/*.parquet'`)
    // 1,000 of the plan lapse with the month; 70 granted less 5 + 9 − 2 + 3 drawn on the allowance first.
    expect(sums).toEqual([{ moved: 70, closing: 70, charged: 14, calls: 2 + manyEvents }])
  })

  test.each([
    ['which format?', ['events', 'log.xlsx']],
    ['--format takes one of csv, jsonl, parquet', ['events', 'log', '--format', 'xml']],
    ['"2031-13" is not a month', ['statements', 'x.csv', '--month', '2031-13']],
  ])('"%s" is said in a sentence', async (sentence, args) => {
    const { status, stdout, stderr } = await runCli(['export', ...args], { database })
    expect(stderr).toContain(sentence)
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  })
})

function exportLog(
  target: string,
  format: ExportFormat,
  more: { fileRows?: number; progress?: () => void } = {},
) {
  const open = async (kept: unknown): Promise<{ rows: RowSource; scope: unknown }> => {
    const all = { from: undefined, to: undefined }
    const ranges = (kept ?? (await eventRanges(ledger.sql, all))) as never
    return { rows: eventRows(ledger.sql, ranges), scope: ranges }
  }
  return writeExport({ target, format, what: 'the log', open, ...more })
}

function contentOf(target: string): string[] {
  const files = target.endsWith('parquet')
    ? readdirSync(target)
        .sort()
        .map((name) => join(target, name))
    : [target]
  return files.map((file) => Bun.SHA256.hash(readFileSync(file), 'hex') as string)
}

/** Rows of a query, with its integers as numbers. */
async function duck(query: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  try {
    await connection.run(`set timezone = 'UTC'`)
    const found = await connection.runAndReadAll(query)
    return numbers(found.getRowObjectsJS())
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

function numbers(rows: readonly object[]): Record<string, unknown>[] {
  const plain = (value: unknown) => (typeof value === 'bigint' ? Number(value) : value)
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])),
  )
}

/** More events than one range has. Appending them would take a while, so they are inserted. */
async function manyCounted(): Promise<void> {
  await ledger.ledger.owner`
    insert into events (shard, position, recorded_at, occurred_at, type, account_id, key_id, mode, endpoint,
      quantity, actor, instance, payload, event_hash)
    select 0, h.position + n, h.recorded_at, h.recorded_at, 'CallsCounted', ${key.accountId}, ${key.keyId}, 'live',
      'voices', 1, 'test', 'test', '{"errors":0,"latencyMsSum":3}', decode(md5(n::text), 'hex')
    from heads h, generate_series(1, ${manyEvents}::integer) n`
  await ledger.ledger.owner`update heads set position = position + ${manyEvents}`
}
