import { afterAll, beforeAll, expect, test } from 'bun:test'
import { freePort } from '../../src/postgres/free-port.ts'
import { buildLedger, type LedgerBuilder, type TestKey } from '../support/ledger-builder.ts'
import { createDatabase } from '../support/postgres.ts'

let ledger: LedgerBuilder
let key: TestKey
let call: string

beforeAll(async () => {
  ledger = await buildLedger()
  await ledger.at('2031-10-31T23:59:00Z')
  key = await ledger.openAccount('pro')
  call = await ledger.charge(key, { credits: 3 })
  await ledger.hold(key, { credits: 5 })
  await ledger.at('2031-11-01T00:00:00Z')
  await ledger.refund({ requestId: call, credits: 1 })
  await ledger.catchUp()
})

afterAll(() => ledger[Symbol.asyncDispose]())

test('a statement is printed for people, without colour where there is no terminal', async () => {
  const { status, stdout, stderr } = await report([
    'statement',
    '--account',
    key.accountId,
    ...october,
  ])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toContain(`Statement of ${key.accountId}`)
  expect(stdout).toContain('Billed: EUR 49.00 for pro, net.')
  expect(stdout).toContain('Not final: 1 call of the month is not finished.')
  expect(stdout).toMatch(/^Total +0 +1,000 +0 +3 +0 +992 +5 +0$/m)
  expect(stdout).toMatch(/^search +1 +1 +3 +0-\d+$/m)
  expect(stdout).not.toContain('\u001b')
  expect(stdout).not.toContain('Charges one by one')
})

test('with --lines every charge is listed', async () => {
  const { stdout } = await report(['statement', '--key', key.keyId, ...october, '--lines'])
  expect(stdout).toContain('Charges one by one')
  expect(stdout).toContain(call)
  expect(stdout).not.toContain('Billed')
})

test('--json prints one document, with the position of each charge', async () => {
  const { status, stdout } = await report([
    ...['statement', '--account', key.accountId, ...october, '--lines', '--json'],
  ])
  expect(status).toBe(0)
  const document = JSON.parse(stdout)
  const [found] = await ledger.sql<{ position: number }[]>`
    select position from events where type = 'HoldSettled' and request_id = ${call}`
  expect(document).toMatchObject({
    account: { totals: { granted: 1_000, settled: 3, lapsed: 992, held: 5, closing: 0 } },
    charges: { lines: [{ requestId: call, credits: 3, position: `0-${found?.position}` }] },
  })
})

test('what came back to an expired lot is pointed out', async () => {
  const late = await ledger.openAccount('free')
  await ledger.at('2031-11-30T00:00:00Z')
  const held = await ledger.hold(late, { credits: 5 })
  await ledger.at('2031-12-01T00:00:00Z')
  await ledger.settle(held, 2)
  const ask = ['statement', '--account', late.accountId, '--month']
  const november = await report([...ask, '2031-11'])
  expect(november.stdout).toContain('3 of the closing were held when their lot expired')
  const december = await report([...ask, '2031-12'])
  expect(december.stdout).toContain('returned after the expiry')
})

test('usage is printed of a key, of all accounts and of those charged most', async () => {
  const ofKey = await report(['usage', '--key', key.keyId, ...october])
  expect(ofKey.stdout).toMatch(/^2031-10-31 +search +1 +1 +0 +3 +20$/m)
  const ofAll = await report(['usage', ...october])
  expect(ofAll.stdout).toMatch(/^pro +1 +1 +0 +3 +20$/m)
  const top = await report(['top', ...october])
  expect(top.stdout).toContain(key.accountId)
  const { users } = JSON.parse((await report(['top', ...october, '--json'])).stdout)
  expect(users).toMatchObject([{ accountId: key.accountId, credits: 3 }])
  const idle = await report(['usage', '--account', key.accountId, '--month', '2031-09', '--json'])
  expect(JSON.parse(idle.stdout)).toMatchObject({ summary: { requests: 0 }, days: [] })
})

test.each([
  ['the ledger has no account acc_x', ['statement', '--account', 'acc_x', '--month', '2031-10']],
  ['the ledger has no key key_x', ['usage', '--key', 'key_x', '--month', '2031-10']],
  ['"2031-13" is not a month', ['statement', '--account', 'acc_x', '--month', '2031-13']],
  ['"last" is not a month', ['top', '--month', 'last']],
  ['whose statement?', ['statement', '--month', '2031-10']],
  ['not both', ['statement', '--account', 'a', '--key', 'b', '--month', '2031-10']],
  [
    "unknown option '--tset' (Did you mean --test?)",
    ['statement', '--account', 'a', '--month', '2031-10', '--tset'],
  ],
  ["option '--account <ID>' argument missing", ['statement', '--month', '2031-10', '--account']],
  ["too many arguments for 'usage'. Expected 0 arguments but got 1: acc_x", ['usage', 'acc_x']],
  ['--limit takes a whole number', ['top', '--limit', 'ten']],
])('one sentence explains the error, and the status is 1: %s', async (sentence, args) => {
  const { status, stdout, stderr } = await report(args)
  expect(stderr).toContain(sentence)
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
})

test('the error for a database that cannot be reached is one sentence, and the status is 1', async () => {
  const database = `postgres://postgres@127.0.0.1:${await freePort()}/nowhere`
  const { status, stderr } = await report(['top', ...october], { database })
  expect(stderr).toContain('cannot be reached')
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect(status).toBe(1)
})

test('the error for a database without a ledger is one sentence, and the status is 1', async () => {
  const empty = await createDatabase()
  const { status, stderr } = await report(['top', ...october], { database: empty.url })
  expect(stderr).toContain('tollbook migrate')
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect(status).toBe(1)
  await empty.drop()
})

test('without a database named anywhere it says how to name one', async () => {
  const { status, stderr } = await report(['top', ...october], { database: '' })
  expect(stderr).toContain('which database?')
  expect(status).toBe(1)
})

const october = ['--month', '2031-10']

/** Runs `tollbook report` in a folder where no `tollbook up` has been. */
async function report(args: string[], { database = ledger.url } = {}) {
  const { DATABASE_URL: _, ...env } = process.env
  const cli = new URL('../../src/cli/main.ts', import.meta.url).pathname
  const child = Bun.spawn([process.execPath, cli, 'report', ...args], {
    cwd: new URL('../support', import.meta.url).pathname,
    env: { ...env, ...(database ? { DATABASE_URL: database } : {}) },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const read = (stream: ReadableStream) => new Response(stream).text()
  const [stdout, stderr] = await Promise.all([read(child.stdout), read(child.stderr)])
  return { status: await child.exited, stdout, stderr }
}
