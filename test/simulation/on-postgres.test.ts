/**
 * Runs of the simulation, asked of PostgreSQL again, statement by statement: it replies the same, and every log that it
 * accepts means what its projections hold, in any cutting into batches.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projections } from '../../projections/index.ts'
import { migrate } from '../../src/ledger/migrate/migrate.ts'
import { tablesOf } from '../../src/projector/projection-tables.ts'
import { type Random, seeded } from '../faults/random.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import type { Journal } from './journal.ts'
import { isIdle, isReadOnly } from './memory-ledger/statements.ts'
import { normalized } from './normalized.ts'
import { openPostgresServer, type PostgresServer } from './postgres-server.ts'
import { epochMs } from './scheduler.ts'

const seeds = Number(process.env.SIMULATION_POSTGRES_SEEDS ?? 3)
const from = Number(process.env.SIMULATION_FROM ?? 1)

const folder = mkdtempSync(join(tmpdir(), 'simulation-'))
let database: TestDatabase
let server: PostgresServer
beforeAll(async () => {
  database = await createDatabase()
  await migrate({ url: database.url, shards: 1 })
  server = await openPostgresServer(database.url)
})
afterAll(async () => {
  await server.close()
  await database.drop()
  rmSync(folder, { recursive: true })
})

async function journalOf(seed: number): Promise<Journal> {
  const main = join(import.meta.dir, 'main.ts')
  const file = join(folder, `${seed}.json`)
  const options = ['--journal', `${seed}`, '--to', file, '--login', server.login]
  const child = Bun.spawn([process.execPath, main, ...options], { stderr: 'inherit' })
  await child.exited
  return JSON.parse(readFileSync(file, 'utf8'))
}

for (let seed = from; seed < from + seeds; seed++) {
  test(`run ${seed} is the same on PostgreSQL, and its log replays`, async () => {
    const { entries, hashes } = await journalOf(seed)
    await server.reset(epochMs)
    const lastPutBack = entries.findLastIndex((entry) => 'putBack' in entry)
    for (const [nth, entry] of entries.entries()) {
      if ('putBack' in entry) await server.putBack(entry.putBack)
      else if ('forgetsProducers' in entry) await server.sql.unsafe('delete from producers')
      else if (!isIdle(entry.statement.text)) {
        const { statement, nowMs, reply } = entry
        const isFinal = nth > lastPutBack || isReadOnly(statement.text)
        const real = await server.execute(statement, nowMs, isFinal)
        expect(normalized(reply, real), statement.text).toEqual(normalized(real, real))
      }
    }
    const written = await server.sql.unsafe(
      `select encode(event_hash, 'hex') as hash from events order by events.position`,
    )
    expect(written.map(({ hash }) => hash)).toEqual([...hashes])
    for (const { name } of projections.filter(({ mode }) => mode === 'catch-up')) {
      await server.sql.unsafe(`select catch_up_${name}(0::smallint, 100000)`)
    }
    expect(await differingTables(hashes.length, seeded(seed))).toEqual([])
  })
}

/** Applies the log to new tables, in batches that are cut anywhere, and compares them with those in service. */
async function differingTables(size: number, random: Random): Promise<string[]> {
  const cuts = Array.from({ length: random.int(0, 8) }, () => random.int(1, size))
  const ends = [0, ...new Set(cuts.sort((a, b) => a - b)), size]
  const { sql } = server
  await sql.unsafe('create schema rebuilt; set local search_path = rebuilt, tollbook, pg_temp')
  const differing: string[] = []
  for (const projection of projections) {
    for (const statement of projection.tables) await sql.unsafe(statement)
    for (const [i, after] of ends.slice(0, -1).entries()) {
      const batch = `select * from events where shard = 0 and position > ${after} and position <= ${ends[i + 1]}`
      for (const { sql: apply } of projection.apply) {
        await sql.unsafe(`with batch as (${batch}) ${apply}`)
      }
    }
    for (const table of tablesOf(projection)) {
      const [row] = await sql.unsafe(`select count(*) as rows from (
        (select * from rebuilt.${table} except all select * from tollbook.${table}) union all
        (select * from tollbook.${table} except all select * from rebuilt.${table})) d`)
      if (Number(row?.rows) > 0) differing.push(table)
    }
  }
  return differing
}
