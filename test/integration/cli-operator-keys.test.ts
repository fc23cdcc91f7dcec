/** `tollbook operator-keys`, as its users run it. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { hashKey } from '../../src/gate/authenticate/key-format.ts'
import { findOperatorKey } from '../../src/ledger/read/read-operator-keys.ts'
import { type Ran, runCli, runJson } from '../support/cli.ts'
import { type Json, openTestApp, type TestApp } from '../support/management-test-app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app[Symbol.asyncDispose]())

const operatorKeys = (args: string[]): Promise<Ran> =>
  runCli(['operator-keys', ...args], { database: app.ledger.url })
const json = (args: string[]): Promise<Json> =>
  runJson(['operator-keys', ...args], { database: app.ledger.url })
const idOf = async (text: string) => (await findOperatorKey(app.ledger.sql, hashKey(text)))?.id

const wanted = ['--role', 'auditor', '--expires', '2030-12-31']

test('one that is created is printed once, is rotated, and is revoked', async () => {
  const created = await operatorKeys(['create', '--name', 'Export', ...wanted])
  expect({ status: created.status, stderr: created.stderr }).toEqual({ status: 0, stderr: '' })
  const [text = ''] = created.stdout.split('\n')
  const id = (await idOf(text)) ?? ''
  expect(created.stdout).toContain(id)

  const { stdout: list } = await operatorKeys(['list'])
  expect(list).toMatch(
    new RegExp(`^${id} +sk_op_….{4} +Export +auditor +active +2030-12-31 00:00:00`, 'm'),
  )
  expect(list).not.toContain(text)

  const grace = ['--grace', '3600', '--expires', '2031-01-31']
  const rotated = await json(['rotate', id, ...grace, '--reason', 'by the calendar'])
  expect(rotated).toMatchObject({ id, version: 2, expiresAt: '2031-01-31T00:00:00.000Z' })
  expect([await idOf(text), await idOf(rotated.key)]).toEqual([id, id])

  const { stdout: revoked } = await operatorKeys(['revoke', id, '--reason', 'found in a log'])
  expect(revoked).toContain(`${id} (${rotated.display}) is revoked since 2030-06-15`)
  expect([await idOf(text), await idOf(rotated.key)]).toEqual([undefined, undefined])
  const [{ state, version }] = (await json(['list'])).operatorKeys
  expect({ state, version }).toEqual({ state: 'revoked', version: 3 })

  const events = await app.ledger.sql<{ type: string; actor: string; reason: string | null }[]>`
    select type, actor, payload ->> 'reason' as reason from events
    where type like 'OperatorKey%' order by position`
  expect([...events]).toEqual([
    { type: 'OperatorKeyIssued', actor: 'cli', reason: null },
    { type: 'OperatorKeyRotated', actor: 'cli', reason: 'by the calendar' },
    { type: 'OperatorKeyRevoked', actor: 'cli', reason: 'found in a log' },
  ])
})

test.each([
  [
    "required option '--expires <TIME>' not specified",
    ['create', '--name', 'x', '--role', 'admin'],
  ],
  ['--role takes auditor, support, admin', ['create', '--name', 'x', ...wanted, '--role', 'owner']],
  [
    'it would expire too late (expiresAt: expected at most 366 days ahead)',
    ['create', '--name', 'x', ...wanted, '--expires', '2032-01-01'],
  ],
  ['the ledger has no such key', ['revoke', 'opk_x']],
])('one sentence explains the error, and the status is 1: %s', async (sentence, args) => {
  const { status, stdout, stderr } = await operatorKeys(args)
  expect(stderr).toContain(sentence)
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
})
