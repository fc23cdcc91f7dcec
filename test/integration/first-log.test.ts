/** A log that the first version wrote, kept as it was. Every later version reads it and computes the same from it. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { catalogue, type EventType } from '../../events/catalogue.ts'
import { connect, type Sql } from '../../src/ledger/connect.ts'
import { openVerifier } from '../../src/projector/verify/verifier.ts'
import { restoreUnsigned } from '../support/backup.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { compareWithProjections } from '../support/compare.ts'
import { readLog } from '../support/log.ts'
import { breachesOf } from '../support/log-rules.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'

const file = join(import.meta.dir, '../fixtures/first-log.jsonl')

let database: TestDatabase
let sql: Sql
beforeAll(async () => {
  database = await createDatabase()
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  await restoreUnsigned(database.url, lines)
  sql = connect({ url: database.url, as: 'owner', max: 1 })
  await catchUpAll(sql)
})
afterAll(async () => {
  await sql?.end()
  await database?.drop()
})

test('has many types of event in it, and payloads that are valid today', async () => {
  const log = await sql<{ type: EventType; payload: unknown }[]>`select type, payload from events`
  expect(new Set(log.map(({ type }) => type)).size).toBeGreaterThan(15)
  for (const { type, payload } of log) {
    expect(Object.keys(catalogue)).toContain(type)
    expect([...TypeCompiler.Compile(catalogue[type].payload).Errors(payload)], type).toEqual([])
  }
})

test('has the event hashes that it had, and keeps every rule', async () => {
  const verifier = await openVerifier({ url: database.url, maxDescribed: 10 })
  const verdict = await verifier.run()
  await verifier.close()
  expect(verdict.log[0]?.faults).toEqual([])
  expect(verdict.sound).toBe(true)
  expect(breachesOf(await readLog(sql))).toEqual([])
})

test('means what it meant', async () => {
  expect(await compareWithProjections(sql)).toEqual([])
  const [row] = await sql`
    select (select sum(granted)::bigint from lots) as granted, (select sum(settled)::bigint from lots) as settled,
      (select sum(refunded)::bigint from lots) as refunded, (select sum(adjusted)::bigint from lots) as adjusted,
      (select sum(held)::bigint from lots) as held, (select sum(debt)::bigint from balances) as debt,
      (select count(*) from open_holds) as open, (select sum(requests)::bigint from daily_usage) as requests,
      (select count(*) from key_state where revoked_at is not null) as revoked`
  expect(row).toEqual({
    ...{ granted: 1605, settled: 28, refunded: 7, adjusted: 98, held: 19, debt: 22 },
    ...{ open: 2, requests: 18, revoked: 1 },
  })
})
