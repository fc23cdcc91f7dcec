/**
 * PostgreSQL compiles no plan of ours. Before version 18 it takes a plan that needs what a statement turned off for so costly that it
 * would, and that takes ten times as long as the plan then runs.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { connect } from '../../src/ledger/connect.ts'
import { type Ledger, openLedger } from '../support/test-ledger.ts'

let ledger: Ledger
beforeAll(async () => {
  ledger = await openLedger()
})
afterAll(() => ledger.close())

test('a connection asks for that, whatever the database is set to', async () => {
  const name = new URL(ledger.url).pathname.slice(1)
  await ledger.owner.unsafe(`alter database ${name} set jit = on`)
  const sql = connect({ url: ledger.url, as: 'calls', max: 1 })
  const rows = await sql`show jit`
  await sql.end({ timeout: 5 })
  expect([...rows]).toEqual([{ jit: 'off' }])
})

test('a function that turns off a way of planning has it off, whoever calls it', async () => {
  const functions = await ledger.owner<{ name: string; settings: string[] }[]>`
    select proname as name, proconfig as settings from pg_proc
    where pronamespace = 'tollbook'::regnamespace and proconfig::text ~ 'enable_[a-z]+=off'`
  expect(functions.map(({ name }) => name)).toContain('append_v1')
  const compiled = functions.filter(({ settings }) => !settings.includes('jit=off'))
  expect(compiled.map(({ name }) => name)).toEqual([])
})
