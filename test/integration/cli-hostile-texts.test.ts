/**
 * A log can have texts that no entry takes any more. Whatever command prints them, they reach a terminal as what they are, and
 * neither drive it nor forge a line.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Glob } from 'bun'
import { shippedConfigFile } from '../../src/config/load-config.ts'
import { backupOf, restoreUnsigned } from '../support/backup.ts'
import { runCli } from '../support/cli.ts'
import { openTestApp, type TestApp } from '../support/management-test-app.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import { withShippedClock } from '../support/shipped-clock.ts'

const hostile = 'x\u001b]52;c;cm0gLXJm\u0007\u009b2J\u202e\u200b\r\nFORGED row\u2028FORGED'
/** Line ends aside. */
const anyHostile = /(?!\n)\p{Cc}|\p{Cf}|\p{Zl}|^ *FORGED/mu

let app: TestApp
let folder: string
/** The same ledger before all of it. */
let behind: TestDatabase
let ids: { accountId: string; keyId: string; call: string; operatorKeyId: string }
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollbook-hostile-'))
  app = await openTestApp()
  behind = await createDatabase()
  await restoreUnsigned(behind.url, await backupOf(app.ledger.sql))
  const { management } = app
  // No log has an actor of two lines.
  const actor = { id: `user:${hostile.replaceAll('\n', '')}`, reason: hostile }
  const owner = { kind: 'user', id: hostile } as const
  const request = { name: hostile, description: hostile, mode: 'live' } as const
  const issued = await management.issueKey(owner, request, actor)
  if (!('view' in issued)) throw new Error(issued.refused)
  const { accountId, keyId } = issued.view
  await management.updateKey('everyone', keyId, { name: hostile, rateLimit: 3 }, actor)
  await management.changeAccount(accountId, { plan: 'pro' }, actor)
  const profile = { name: hostile, contact: hostile, billingAddress: [hostile], taxId: hostile }
  await management.changeAccount(accountId, { profile }, actor)
  await management.changeAccount(accountId, { note: hostile }, actor)
  await management.grant(accountId, { mode: 'live', credits: 5, kind: 'promotional' }, actor)
  const call = await app.charge(keyId, 2)
  await management.refund(call, { credits: 1 }, actor)
  await app.catchUp()
  const expiresAt = '2030-12-31T00:00:00.000Z'
  const ofOperators = { name: hostile, role: 'auditor', expiresAt } as const
  const operatorKey = await management.issueOperatorKey(ofOperators, actor)
  if (!('view' in operatorKey)) throw new Error(operatorKey.refused)
  ids = { accountId, keyId, call, operatorKeyId: operatorKey.view.id }
  // Its prices are other ones, so that there is something to compare.
  const prices = readFileSync(shippedConfigFile, 'utf8').replaceAll('credits: 1 }', 'credits: 2 }')
  writeFileSync(join(folder, 'prices.yaml'), prices)
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await behind.drop()
  await app[Symbol.asyncDispose]()
})

type Line = (known: typeof ids) => string[]

/** How each command that prints what is stored is called. */
const printing: Readonly<Record<string, Line[]>> = {
  'keys/budget': [({ keyId }) => ['keys', 'budget', keyId, '--credits', '9', '--per', 'day']],
  'keys/group': [({ keyId }) => ['keys', 'group', keyId, 'team-a']],
  'accounts/budget': [
    ({ accountId }) => ['accounts', 'budget', accountId, '--credits', '9', '--per', 'day'],
  ],
  'accounts/describe': [({ accountId }) => ['accounts', 'describe', accountId, '--tax-id', 'T1']],
  'accounts/freeze': [({ accountId }) => ['accounts', 'freeze', accountId]],
  'accounts/limits': [({ accountId }) => ['accounts', 'limits', accountId, '--rate-limit', '9']],
  'accounts/list': [() => ['accounts', 'list'], () => ['accounts', 'list', '--json']],
  'accounts/note': [({ accountId }) => ['accounts', 'note', accountId, '--text', 'Called']],
  'accounts/notes': [
    ({ accountId }) => ['accounts', 'notes', accountId],
    ({ accountId }) => ['accounts', 'notes', accountId, '--json'],
  ],
  'accounts/plan': [({ accountId }) => ['accounts', 'plan', accountId, 'enterprise']],
  'accounts/show': [
    ({ accountId }) => ['accounts', 'show', accountId],
    ({ accountId }) => ['accounts', 'show', accountId, '--json'],
  ],
  'accounts/unfreeze': [({ accountId }) => ['accounts', 'unfreeze', accountId]],
  events: [() => ['events'], () => ['events', '--json'], ({ keyId }) => ['events', '--key', keyId]],
  explain: [
    ({ call }) => ['explain', call],
    ({ keyId }) => ['explain', '--key', keyId, '--at', '0-9', '--route', 'search'],
  ],
  'grants/refund': [({ call }) => ['grants', 'refund', call]],
  'keys/list': [() => ['keys', 'list'], () => ['keys', 'list', '--json']],
  'keys/report': [({ keyId }) => ['keys', 'report', keyId, '--since', '2030-01-01']],
  'keys/rotate': [({ keyId }) => ['keys', 'rotate', keyId]],
  'keys/revoke': [({ keyId }) => ['keys', 'revoke', keyId]],
  'keys/show': [
    ({ keyId }) => ['keys', 'show', keyId],
    ({ keyId }) => ['keys', 'show', keyId, '--json'],
  ],
  'operator-keys/list': [
    () => ['operator-keys', 'list'],
    () => ['operator-keys', 'list', '--json'],
  ],
  'operator-keys/rotate': [({ operatorKeyId }) => ['operator-keys', 'rotate', operatorKeyId]],
  'operator-keys/revoke': [({ operatorKeyId }) => ['operator-keys', 'revoke', operatorKeyId]],
  'prices/diff': [() => ['prices', 'diff', join(folder, 'prices.yaml')]],
  'prices/show': [() => ['prices', 'show']],
  replay: [
    ({ accountId }) => ['replay', 'account_state', '--as-of', '0-9', '--account', accountId],
  ],
  'report/statement': [
    ({ accountId }) => [
      'report',
      'statement',
      '--account',
      accountId,
      '--month',
      '2030-06',
      '--lines',
    ],
    ({ accountId }) => [
      'report',
      'statement',
      '--account',
      accountId,
      '--month',
      '2030-06',
      '--csv',
    ],
    ({ keyId }) => ['report', 'statement', '--key', keyId, '--month', '2030-06', '--json'],
  ],
  'report/lost': [
    () => ['report', 'lost', '--database', behind.url, '--copy', app.ledger.url, '--lines'],
  ],
  'report/top': [() => ['report', 'top', '--month', '2030-06']],
  'report/usage': [
    ({ accountId }) => ['report', 'usage', '--account', accountId, '--month', '2030-06'],
    () => ['report', 'usage', '--by', 'owner', '--month', '2030-06'],
  ],
  simulate: [() => ['simulate', '--prices', join(folder, 'prices.yaml'), '--from', '2030-06']],
  verify: [() => ['verify']],
}

/** They print nothing that somebody else has chosen, or write to files. */
const silent = new Set([
  ...[
    'accounts/erase',
    'backup',
    'clock',
    'config/check',
    'config/import',
    'config/schema',
    'demo',
  ],
  ...[
    'doctor',
    'export/events',
    'export/statements',
    'grants/add',
    'grants/adjust',
    'grants/pack',
    'import',
  ],
  ...[
    'keys/create',
    'keys/find',
    'migrate',
    'operator-keys/create',
    'prices/import',
    'prices/publish',
    'restore',
    'serve',
    'token',
    'up',
  ],
])

test('each command is tried here, or prints nothing that is stored', () => {
  const files = [...new Glob('**/*.ts').scanSync(join(import.meta.dir, '../../src/cli/commands'))]
  const commands = files.map((file) => file.replace('.ts', ''))
  expect([...Object.keys(printing), ...silent].sort()).toEqual(commands.sort())
})

test.each(Object.keys(printing))(
  'tollbook %s prints stored texts as what they are',
  async (command) => {
    for (const line of printing[command] ?? []) {
      const words = line(ids)
      const run = () => runCli(words, { database: app.ledger.url })
      const { status, stdout, stderr } = await (command === 'verify'
        ? withShippedClock(app.ledger, run)
        : run())
      expect({ words, status, stderr }).toMatchObject({ words, status: 0 })
      expect(stdout).not.toBe('')
      const printed = `${stdout}${stderr}`.replaceAll('\r\n', '\n')
      expect([words, printed.match(anyHostile)]).toEqual([words, null])
    }
  },
)

test('the texts are there, escaped', async () => {
  const database = app.ledger.url
  const shown = await runCli(['keys', 'show', ids.keyId], { database })
  expect(shown.stdout).toContain('x\\u001b]52;c;cm0gLXJm\\u0007\\u009b2J\\u202e')
  const listed = await runCli(['keys', 'list'], { database })
  expect(listed.stdout).toContain('\\u000d\\u000aFORGED row\\u2028FORGED')
  const json = await runCli(['keys', 'show', ids.keyId, '--json'], { database })
  expect(JSON.parse(json.stdout).name).toBe(hostile)
})

test('a CSV file of events has no cell that a spreadsheet runs', async () => {
  const file = join(folder, 'events.csv')
  const { status } = await runCli(['export', 'events', file], { database: app.ledger.url })
  expect(status).toBe(0)
  expect(readFileSync(file, 'utf8').replaceAll('\r\n', '\n').match(anyHostile)).toBeNull()
})

const refused = [
  ['keys', 'create', '--user', 'anna', '--name', hostile],
  ['keys', 'create', '--user', hostile],
  ['keys', 'create', '--user', 'anna', '--description', 'a\nb'],
  ['accounts', 'freeze', 'acc_x', '--reason', '\u202e'],
  ['accounts', 'plan', 'acc_x', '\u001b[2J'],
  ['prices', 'publish', 'tollbook.yaml', '--notice', 'a\u0007'],
]
test.each(refused.map((words, i) => ({ what: `${i + 1}, ${words[0]} ${words[1]}`, words })))(
  'a hostile text, $what, is refused before anything is stored, without repeating the text',
  async ({ words }) => {
    const { status, stdout, stderr } = await runCli(words, { database: app.ledger.url })
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(
      /^tollbook: the value of \w+ has the control or format character U\+\w{4}\.\n$/,
    )
  },
)

test('a command that does not exist is named without what would drive the terminal', async () => {
  for (const words of [[hostile], ['keys', hostile], ['keys', 'list', `--${hostile}`]]) {
    const { status, stderr } = await runCli(words, {})
    expect(status).not.toBe(0)
    expect(stderr.match(anyHostile)).toBeNull()
  }
})
