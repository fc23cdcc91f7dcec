/** `tollbook keys`, as its users run it. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { hashKey } from '../../src/gate/authenticate/key-format.ts'
import { readKeyByHash } from '../../src/ledger/read/read-key-by-hash.ts'
import { type Ran, runCli, runJson } from '../support/cli.ts'
import { type Json, openTestApp, type TestApp } from '../support/management-test-app.ts'

let app: TestApp

beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app[Symbol.asyncDispose]())

const keys = (args: string[], stdin?: string): Promise<Ran> =>
  runCli(['keys', ...args], { database: app.ledger.url, stdin })

function json(args: string[], stdin?: string): Promise<Json> {
  return runJson(['keys', ...args], { database: app.ledger.url, stdin })
}

test('a created key is printed once, and is what was asked for', async () => {
  const { status, stdout, stderr } = await keys([
    ...['create', '--user', 'anna', '--name', 'Laptop', '--ips', '10.0.0.0/8,::1'],
    ...['--endpoints', 'search', '--rate-limit', '5', '--monthly-cap', '40'],
    ...['--expires', '2030-12-31', '--description', 'For trips'],
  ])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const [text = ''] = stdout.split('\n')
  const record = await readKeyByHash(app.ledger.sql, hashKey(text))
  expect(stdout).toMatch(new RegExp(`^Key +${record?.keyId}$`, 'm'))
  expect(stdout).not.toContain('\u001b')
  expect(await json(['show', record?.keyId ?? ''])).toMatchObject({
    ...{ name: 'Laptop', description: 'For trips', owner: { kind: 'user', id: 'anna' } },
    ...{ allowedIps: ['10.0.0.0/8', '::1'], endpoints: ['search'], rateLimit: 5 },
    ...{ monthlyCap: 40, expiresAt: '2030-12-31T00:00:00.000Z', mode: 'live', plan: 'free' },
  })
  const again = await keys(['show', record?.keyId ?? ''])
  expect(again.stdout).not.toContain(text)
})

test('a key is put into a group, and gets budgets of its own', async () => {
  const { keyId } = await json(['create', '--user', 'anna', '--name', 'Budgeted'])
  expect(await json(['group', keyId, 'team-a'])).toMatchObject({ group: 'team-a', budgets: [] })
  const daily = ['--per', 'day', '--tz', 'Europe/Berlin']
  await json(['budget', keyId, '--credits', '30', ...daily])
  await json(['budget', keyId, '--credits', '20', '--warn', ...daily])
  const { stdout } = await keys(['budget', keyId, '--credits', '40', ...daily])
  expect(stdout).toMatch(/^Group +team-a$/m)
  expect(stdout).toMatch(
    /^Budgets +40 a day in Europe\/Berlin; 20 a day in Europe\/Berlin \(warns only\)$/m,
  )
  expect(await json(['budget', keyId, '--credits', 'none', ...daily])).toMatchObject({
    budgets: [{ credits: 20, warnsOnly: true }],
  })
  expect(await json(['group', keyId, 'none'])).toMatchObject({ group: null })
  expect((await keys(['group', keyId, 'team a'])).stderr).toContain('the group takes a name')
})

test('lists show the keys of an owner, of an account, on a plan, or all, page by page', async () => {
  const first = await json(['create', '--organisation', 'acme', '--name', 'One'])
  const second = await json(['create', '--organisation', 'acme', '--name', 'Two', '--test'])
  await json(['revoke', first.keyId])
  const ids = async (args: string[]) =>
    (await json(['list', ...args])).keys.map(({ keyId }: Json) => keyId)
  expect((await ids(['--organisation', 'acme'])).sort()).toEqual([first.keyId, second.keyId].sort())
  expect(await ids(['--account', first.accountId, '--active'])).toEqual([second.keyId])
  expect(await ids(['--organisation', 'acme', '--active=false'])).toEqual([first.keyId])
  expect(await ids(['--plan', 'pro'])).toEqual([])
  expect(await ids(['--plan', 'free'])).toContain(second.keyId)
  // Of everyone: other tests may have made keys, too.
  const newest = await json(['list', '--limit', '1'])
  await json(['create', '--organisation', 'acme', '--name', 'Made between two pages'])
  const pages = [newest, await json(['list', '--limit', '1', '--cursor', newest.next])]
  expect(pages.map(({ keys }) => keys.length)).toEqual([1, 1])
  expect(pages[0].keys[0].keyId).not.toBe(pages[1].keys[0].keyId)
  expect(pages[1].total).toBeGreaterThanOrEqual(2)
  const whole = await keys(['list', '--limit', '1'])
  expect(whole.stdout).toMatch(/^1 of \d+; --cursor key_\w+ shows the next\.$/m)
  const nowhere = await keys(['list', '--cursor', 'key_none'])
  expect(nowhere).toMatchObject({ status: 1, stdout: '' })
  expect(nowhere.stderr).toContain('--cursor names nothing in this list')
  const { stdout } = await keys(['list', '--organisation', 'acme'])
  expect(stdout).toMatch(new RegExp(`^${first.keyId} .*One +organisation acme +free +revoked`, 'm'))
})

test('a rotated key has a new secret; the old one stops working at once, or after the grace period', async () => {
  const { key: old, keyId } = await json(['create', '--user', 'rotating'])
  const { key: next, previousUntil } = await json(['rotate', keyId, '--grace', '3600'])
  expect(previousUntil).toBe('2030-06-15T13:00:00.000Z')
  expect((await readKeyByHash(app.ledger.sql, hashKey(old)))?.previousUntil).toEqual(
    new Date(previousUntil),
  )
  const { stdout } = await keys(['rotate', keyId])
  expect(stdout).toContain('The old one no longer works.')
  expect(await readKeyByHash(app.ledger.sql, hashKey(next))).toBeUndefined()
})

test('a revoked key is revoked, by the command line, for a reason that only auditors can read', async () => {
  const { keyId } = await json(['create', '--user', 'revoking'])
  const { status, stdout } = await keys(['revoke', keyId, '--reason', 'found in a log'])
  expect(stdout).toContain('is revoked since 2030-06-15 12:00:00 UTC')
  expect(status).toBe(0)
  const [event] = await app.ledger.sql`
    select actor, payload::text as payload from events where key_id = ${keyId} and type = 'KeyRevoked'`
  expect(event).toEqual({ actor: 'cli', payload: '{}' })
  const user = Bun.spawnSync(['id', '-un']).stdout.toString().trim()
  const { events } = await app.get('auditor', 'GET', `/admin/events?keyId=${keyId}&type=KeyRevoked`)
  expect(events[0].reason).toBe(`found in a log (${user} at the command line)`)
})

describe('find', () => {
  test('names the keys in a text, and never prints one', async () => {
    const works = await json(['create', '--user', 'finder', '--name', 'Works'])
    const dead = await json(['create', '--user', 'finder'])
    await json(['revoke', dead.keyId])
    const rotated = await json(['create', '--user', 'finder', '--test'])
    await json(['rotate', rotated.keyId])
    const graced = await json(['create', '--user', 'finder'])
    await json(['rotate', graced.keyId, '--grace', '60'])
    const strange = `sk_live_${'x'.repeat(32)}`
    const text = [
      `curl -H "X-API-Key: ${works.key}"`,
      `nothing here, not even sk_live_ or ${works.key.slice(0, -1)}`,
      `{"a":"${dead.key}","b":"${rotated.key}${graced.key}"}`,
      `key=${works.key}&other=${strange}`,
    ].join('\r\n')
    const { stdout } = await keys(['find', '--stdin'], text)
    for (const secret of [works, dead, rotated, graced].map(({ key }) => key)) {
      expect(stdout).not.toContain(secret.slice(8, -4))
    }
    expect(stdout).not.toContain('xxxxx')

    const { found, unknown } = await json(['find', '--stdin'], text)
    const byId = new Map(found.map((key: Json) => [key.keyId, key]))
    expect(byId.size).toBe(4)
    expect(byId.get(works.keyId)).toMatchObject({
      ...{ secret: 'current', state: 'active', lines: [1, 4], accountId: works.accountId },
    })
    expect(byId.get(dead.keyId)).toMatchObject({ secret: 'current', state: 'revoked', lines: [3] })
    expect(byId.get(rotated.keyId)).toMatchObject({ secret: 'replaced', state: 'active' })
    expect(byId.get(graced.keyId)).toMatchObject({
      ...{ secret: 'previous', worksUntil: '2030-06-15T12:01:00.000Z' },
    })
    // The mutilated key has the shape of an imported one, which has no checksum.
    expect(unknown).toEqual([{ lines: [2] }, { lines: [4] }])
  })

  test('says when it finds nothing, and takes no key as an argument', async () => {
    expect((await keys(['find', '--stdin'], 'a text')).stdout).toContain('Nothing in the text')
    const { status, stderr } = await keys(['find'])
    expect(stderr).toContain('never a key as an argument')
    expect(status).toBe(1)
  })
})

test('a report says what a key did since a time, and how the key was changed', async () => {
  const { keyId } = await json(['create', '--user', 'reported'])
  await app.charge(keyId, 3)
  await app.ledger.advance(60_000)
  const since = app.ledger.now.toISOString()
  const charged = await app.charge(keyId, 4)
  const row = { shard: 0, keyId, mode: 'live' as const, version: 1 }
  const { accountId, version } = await app
    .get('admin', 'GET', `/admin/api-keys/${keyId}`)
    .then(({ apiKey }) => apiKey)
  const tariff = () => ''
  const atGate = { ...row, accountId, version, account: { version: 2 } }
  await app.ledger.count({ ...atGate, tariff, now: () => app.ledger.now }, 5, {
    endpoint: 'tts-voices',
  })
  await json(['rotate', keyId])

  const report = await json(['report', keyId, '--since', since])
  expect(report).toMatchObject({
    ...{ keyId, state: 'active', open: 0, firstAt: since },
    endpoints: [
      { endpoint: 'search', charged: 1, credits: 4, failed: 0, free: 0 },
      { endpoint: 'tts-voices', charged: 0, credits: 0, failed: 0, free: 5 },
    ],
    changes: [{ actor: 'cli' }],
    lastCharges: [{ requestId: charged }],
  })
  const whole = await keys(['report', keyId, '--since', '2030-01-01'])
  expect(whole.stdout).toMatch(/^search +2 +7 +0 +0$/m)
  expect(whole.stdout).toContain('Key sk_live_')
})

test.each([
  ['whose key?', ['create']],
  ['--ips takes addresses', ['create', '--user', 'a', '--ips', '10.*']],
  ['--rate-limit takes a whole number', ['create', '--user', 'a', '--rate-limit', 'fast']],
  [
    'a key can only narrow what its account has (rateLimit: expected at most 10)',
    ['create', '--user', 'a', '--rate-limit', '11'],
  ],
  [
    'no route has such a permission (endpoints: expected search, stt, tts)',
    ['create', '--user', 'a', '--endpoints', 'chat'],
  ],
  ['--expires takes a time', ['create', '--user', 'a', '--expires', 'soon']],
  ["unknown option '--nme' (Did you mean --name?)", ['create', '--user', 'a', '--nme', 'x']],
  [
    "too many arguments for 'show'. Expected 1 argument but got 2: key_x, extra",
    ['show', 'key_x', 'extra'],
  ],
  ['the ledger has no key key_x', ['show', 'key_x']],
  ['the ledger has no such key', ['revoke', 'key_x']],
  [`missing required argument 'key'; see "tollbook keys rotate --help"`, ['rotate']],
  ['unknown command \'shw\' (Did you mean show?); see "tollbook keys --help"', ['shw']],
])('one sentence explains the error, and the status is 1: %s', async (sentence, args) => {
  const { status, stdout, stderr } = await keys(args)
  expect(stderr).toContain(sentence)
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
})

test('--help says what a command takes, at every depth', async () => {
  const main = await runCli(['--help'])
  expect(main).toMatchObject({ status: 0, stderr: '' })
  for (const name of ['up', 'keys', 'accounts', 'doctor', 'import']) {
    expect(main.stdout).toMatch(new RegExp(`^  ${name} +[A-Z]`, 'm'))
  }
  const create = await keys(['create', '--help'])
  expect(create.stdout).toContain('Usage: tollbook keys create [options]')
  expect(create.stdout).toMatch(/^ {2}--user <ID> +The user/m)
  expect(create.stdout).toContain('tollbook keys create --user anna')
  expect(create.stdout).not.toContain('\u001b')
  const group = await keys([])
  expect(group.stderr).toContain('Usage: tollbook keys COMMAND')
  expect(group.status).toBe(1)
})
