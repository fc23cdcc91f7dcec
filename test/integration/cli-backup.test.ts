/** A backup is the whole ledger, to the byte; what is not whole, or was changed, is not restored. */
import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { openManagementCommands } from '../../src/ledger/commands/management-commands.ts'
import { connect, type Sql } from '../../src/ledger/connect.ts'
import { seal, unseal } from '../../src/ledger/private-fields.ts'
import { readHeads } from '../../src/ledger/read/read-heads.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { runCli, runJson } from '../support/cli.ts'
import { compareWithProjections } from '../support/compare.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import { startTestGateway } from '../support/running-gateway.ts'
import { makeKeyFiles } from '../support/signing-keys.ts'
import { type Ledger, openLedger, type TestAccount, type TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

let ledger: Ledger
let account: TestAccount
let key: TestKey
let folder: string
let file: string
let keys: ReturnType<typeof makeKeyFiles>
let signing: string[]
let trusting: string[]
const described = { name: 'ŻÓŁĆ AG', contact: 'A@b.example', billingAddress: [], taxId: null }
const opened: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollbook-backup-'))
  file = join(folder, 'ledger.jsonl.gz')
  keys = makeKeyFiles(folder)
  signing = ['--sign-with', keys.privateFile]
  trusting = ['--signed-by', keys.publicFile]
  ledger = await openLedger({ shards: 2 })
  account = await ledger.account({ plan: 'free' })
  key = await ledger.key(account, { name: 'Ünïcode "quoted"\n', allowedIps: ['10.0.0.1'] })
  const other = await ledger.key(await ledger.account({ plan: 'pro', shard: 1 }))
  const grant = { externalId: 'grant-1' }
  await ledger.grant(account, 50, grant)
  const { hold } = await ledger.hold(key, 30)
  await ledger.settle(hold, 20)
  await ledger.hold(key, 5)
  // Some readers of lines take this for the end of one.
  const released = await ledger.hold(key, 1)
  await ledger.release(released.hold, { reason: 'separated\u2028 by a line separator' })
  await ledger.commands.refund(0, { requestId: hold.requestId, credits: 3, actor: 'test' })
  const elsewhere = ledger.newGateway('elsewhere', { shard: 1 })
  await elsewhere.count(other, 7)
  const describe = (of: TestAccount) =>
    ledger.change(of, 'AccountDescribed', {}, seal(of.secret, of.accountId, described))
  await describe(account)
  const erased = await ledger.account()
  await describe(erased)
  await ledger.key(erased, { name: 'Forgotten' })
  await ledger.change(erased, 'AccountErased')
  await catchUpAll(ledger.sql, [0, 1])
  await ledger.owner`
    insert into stored_responses (key_id, claim, shard, hold_id, quantity, response, stored_at, replayed_at) values
      (${key.keyId}, 'kept', 0, ${hold.requestId}, 1, '\\x00ff', ${ledger.now}, null),
      (${key.keyId}, 'forgotten', 0, 'x', 1, '', 'infinity', ${ledger.now})`
  await ledger.owner`insert into withheld (position, shard) values (1, 0)`
  await runJson(['backup', file, ...signing], { database: ledger.url })
})

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

afterAll(async () => {
  await ledger.close()
  rmSync(folder, { recursive: true, force: true })
})

async function emptyDatabase(): Promise<TestDatabase> {
  const database = await createDatabase()
  opened.push(() => database.drop())
  return database
}

async function openRestored(url: string): Promise<Sql> {
  const sql = connect({ url, as: 'owner', max: 2 })
  opened.push(() => sql.end({ timeout: 5 }))
  return sql
}

async function restored(): Promise<{ url: string; sql: Sql }> {
  const { url } = await emptyDatabase()
  await runJson(['restore', file, ...trusting], { database: url })
  return { url, sql: await openRestored(url) }
}

/** Every row of a table, to the byte. */
function rowsOf(sql: Sql, table: string) {
  return sql`select t::text as row from ${sql(table)} t order by 1`
}

test('what is restored is the same log, with everything that belongs to it', async () => {
  const { sql } = await restored()
  for (const table of [
    'events',
    'account_secrets',
    'management_commands',
    'stored_responses',
    'withheld',
    'heads',
    'daily_usage',
  ]) {
    expect([table, ...(await rowsOf(sql, table))]).toEqual([
      table,
      ...(await rowsOf(ledger.sql, table)),
    ])
  }
  for (const shard of [0, 1]) expect(await compareWithProjections(sql, shard)).toEqual([])
})

test('accounts are found by their names again, which no backup has, and erased ones are not', async () => {
  const { sql } = await restored()
  expect(await rowsOf(sql, 'account_names')).toMatchObject([
    { row: expect.stringContaining(account.accountId) },
  ])
  const [{ name }] = await sql<[{ name: string }]>`select name from account_names`
  expect(name).toBe('a@b.example\nżółć ag')
})

test('a restored ledger goes on where it ended, and knows what was done before', async () => {
  const { sql } = await restored()
  const commands = openManagementCommands(sql, 'test')
  const { accountId } = account
  const again = await commands.grant(0, {
    ...{ accountId, mode: 'live', credits: 50, kind: 'promotional', externalId: 'grant-1' },
    ...{ startsAt: ledger.now.toISOString(), actor: 'test' },
  })
  expect(again).toMatchObject({ verdict: 'ok', repeated: true })
  const [before] = await readHeads(sql)
  const next = await commands.adjust(0, { accountId, mode: 'live', credits: 1, actor: 'test' })
  expect(next.positions?.[0]).toBe((before?.position ?? 0) + 1)
  const [row] = await sql<{ private: Uint8Array }[]>`
    select private from key_state where key_id = ${key.keyId}`
  expect(unseal(account.secret, accountId, row?.private)).toMatchObject({
    name: 'Ünïcode "quoted"\n',
  })
})

test('a backup taken while gateways write ends at one position, and everything in it agrees', async () => {
  const busy = join(folder, 'busy.jsonl.gz')
  let stop = false
  const writing = (async () => {
    for (let i = 0; !stop; i++) {
      const fresh = await ledger.account()
      await ledger.grant(fresh, 5, { externalId: `busy-${i}` })
    }
  })()
  const { head } = await runJson(['backup', busy, ...signing], { database: ledger.url })
  stop = true
  await writing
  const { url } = await emptyDatabase()
  await runJson(['restore', busy, ...trusting], { database: url })
  const sql = await openRestored(url)
  const named = head.shards.map(({ hash, ...shard }: { hash: string }) => shard)
  expect(await readHeads(sql)).toEqual(named)
  expect(await compareWithProjections(sql)).toEqual([])
  const [orphans] = await sql<{ commands: number; secrets: number; without: number }[]>`
    select (select count(*) from management_commands c, jsonb_array_elements_text(c.result -> 'positions') p
        where p::bigint > (select position from heads h where h.shard = c.shard)) as commands,
      (select count(*) from account_secrets s
        where not exists (select from account_state a where a.account_id = s.account_id)) as secrets,
      (select count(*) from account_state a where not a.erased
        and not exists (select from account_secrets s where s.account_id = a.account_id)) as without`
  expect(orphans).toEqual({ commands: 0, secrets: 0, without: 0 })
})

test('into a folder it is written under a name of its own, readable by its owner alone', async () => {
  const target = mkdtempSync(join(folder, 'target-'))
  const done = await runJson(['backup', target, ...signing], { database: ledger.url })
  expect(readdirSync(target)).toEqual([done.file.slice(target.length + 1)])
  expect(statSync(done.file).mode & 0o777).toBe(0o600)
  const over = await runCli(['backup', done.file, ...signing], { database: ledger.url })
  expect(over.stderr).toContain('already exists')
  expect(over.status).toBe(1)
})

test('a folder that is not there is named, rather than a file made of its name', async () => {
  const target = join(folder, 'backups')
  const refused = await runCli(['backup', target, ...signing], { database: ledger.url })
  expect(refused).toMatchObject({ status: 1, stdout: '' })
  expect(refused.stderr).toContain(`there is no folder ${target}: make it first, or name a file`)
  expect(existsSync(target)).toBe(false)
})

/** The backup's lines, spoiled; and packed again. */
function spoiled(spoil: (lines: string[]) => string[]): Buffer {
  const lines = gunzipSync(readFileSync(file)).toString().split('\n')
  return gzipSync(spoil(lines).join('\n'))
}

test('where a folder is missing, it is named', async () => {
  const missing = join(folder, 'missing')
  const commands = [
    ['backup', join(missing, 'log.jsonl.gz'), ...signing],
    ['export', 'events', join(missing, 'log.csv')],
  ]
  for (const command of commands) {
    const ran = await runCli(command, { database: ledger.url })
    expect(ran).toMatchObject({ status: 1, stdout: '' })
    expect(ran.stderr).toBe(
      `tollbook: there is no folder ${missing}: make it first, or name another.\n`,
    )
  }
})

test.each([
  [
    'a figure was changed',
    () => spoiled((l) => l.map((x) => x.replace(', 20, 20, null, 200,', ', 2, 20, null, 200,'))),
    'hash that its end says',
  ],
  ['an event is missing', () => spoiled((l) => l.toSpliced(-5, 1)), 'hash that its end says'],
  [
    'two events are exchanged',
    () => spoiled((l) => [...l.slice(0, 3), l[4] ?? '', l[3] ?? '', ...l.slice(5)]),
    'hash that its end says',
  ],
  [
    'a command was added',
    () => spoiled((l) => l.toSpliced(-3, 0, '{"command":["x",0,"y","{}","2030-06-15T12:00:00Z"]}')),
    'hash that its end says',
  ],
  ['the end is missing', () => spoiled((l) => [...l.slice(0, -3), '']), 'cut off'],
  ['the signature is missing', () => spoiled((l) => [...l.slice(0, -2), '']), 'cut off'],
  [
    'a line is appended',
    () => spoiled((l) => l.toSpliced(-1, 0, l[3] ?? '')),
    'it goes on after its end',
  ],
  [
    'something is packed behind it',
    () => Buffer.concat([readFileSync(file), gzipSync('{"event":[]}\n')]),
    'it goes on after its end',
  ],
  [
    'its signature is another',
    () => spoiled((l) => l.map((x) => x.replace(/"ed25519":"../, '"ed25519":"AA'))),
    'its signature is not one of its lines',
  ],
  ['the file was cut off', () => readFileSync(file).subarray(0, -200), 'cut off'],
  [
    'a line is no JSON',
    () => spoiled((l) => l.toSpliced(5, 0, '{"event" : nothing}')),
    'hash that its end says',
  ],
  [
    'a line is of no kind',
    () => spoiled((l) => l.toSpliced(5, 0, '{"grant":[]}')),
    'a line that no backup has',
  ],
  [
    'it is of another format',
    () => spoiled((l) => [(l[0] ?? '').replace('"format":4', '"format":9'), ...l.slice(1)]),
    'its format is 9',
  ],
  ['it is something else', () => gzipSync('hello\n'), 'does not begin like a backup'],
  ['it is not packed', () => Buffer.from('hello'), 'incorrect header'],
])('a backup is refused, and nothing written, when %s', async (_, content, sentence) => {
  const bad = join(folder, 'bad.jsonl.gz')
  writeFileSync(bad, content())
  const { url } = await emptyDatabase()
  const { status, stdout, stderr } = await runCli(['restore', bad, ...trusting], { database: url })
  expect(stderr).toContain(sentence)
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  const sql = connect({ url, as: 'owner', max: 1 })
  opened.push(() => sql.end({ timeout: 5 }))
  const [there] = await sql`select to_regclass('events') is not null as log`
  if (!there?.log) return
  const [left] = await sql`
    select (select count(*) from events) as events, (select count(*) from management_commands) as commands,
      (select sum(position) from heads)::integer as heads`
  expect(left).toEqual({ events: 0, commands: 0, heads: 0 })
})

test('who has signed is checked, and every other way of restoring is said with the command', async () => {
  const other = makeKeyFiles(folder)
  const { url } = await emptyDatabase()
  const unsigned = join(folder, 'unsigned.jsonl.gz')
  await runJson(['backup', unsigned, '--unsigned'], { database: ledger.url })
  const attempts: [string[], string][] = [
    [[file], 'Name the file with the public key that you trust'],
    [[file, '--signed-by', other.publicFile], 'it is signed by the key SHA256:'],
    [[file, '--signed-by', keys.privateFile], 'it has a private key'],
    [[file, '--signed-by', join(folder, 'none.pub')], 'none.pub: name one that is there'],
    [[file, ...trusting, '--unsigned'], 'exclude each other'],
    [
      [unsigned, ...trusting],
      'nobody has signed it. If you know where it comes from, pass --unsigned',
    ],
    [[folder, '--unsigned'], 'is no file'],
  ]
  for (const [args, sentence] of attempts) {
    const { status, stdout, stderr } = await runCli(['restore', ...args], { database: url })
    expect([args, stderr, status, stdout]).toEqual([args, expect.stringContaining(sentence), 1, ''])
  }
  const restoring = await runCli(['restore', unsigned, '--unsigned'], { database: url })
  expect(restoring.stdout).toContain('Who made it was not checked.')
})

test('the environment names the keys, and without one there is no backup', async () => {
  const target = join(folder, 'environment.jsonl.gz')
  const none = await runCli(['backup', target], { database: ledger.url })
  expect([none.status, none.stderr]).toEqual([1, expect.stringContaining('openssl genpkey')])
  const done = await runCli(['backup', target], {
    database: ledger.url,
    env: { BACKUP_SIGN_WITH: keys.privateFile },
  })
  expect(done.stdout).toMatch(/Signed by SHA256:/)
  const { url } = await emptyDatabase()
  const restoring = await runCli(['restore', target], {
    database: url,
    env: { BACKUP_SIGNED_BY: keys.publicFile },
  })
  expect(restoring.stdout).toMatch(/events restored, up to 0-\d+, 1-\d+\.\nSigned by SHA256:/)
})

test('a ledger that has events is not restored over', async () => {
  const size = await ledger.size()
  const { status, stderr } = await runCli(['restore', file, ...trusting], { database: ledger.url })
  expect(stderr).toContain('the ledger there is not empty')
  expect(status).toBe(1)
  expect(await ledger.size()).toBe(size)
})

test('no gateway sells from a ledger that ends before what one has seen, until the loss is accepted', async () => {
  const highWaterMarkFile = join(folder, 'seen.json')
  const seenIn = () => readFileSync(highWaterMarkFile, 'utf8')
  const start = (databaseUrl: string, more = {}) =>
    startTestGateway({ databaseUrl, upstream: 'http://127.0.0.1:9', ...more })
  await (await start(ledger.url, { highWaterMarkFile })).stop()
  await (await start(ledger.url, { highWaterMarkFile })).stop()
  const seen = seenIn()

  const { url, sql } = await restored()
  const witness = await start(url, { highWaterMarkFile })
  await until(async () => (await missingOf(witness)).ledger?.includes('accepts the loss') === true)
  // Nor does a gateway that has seen nothing itself.
  const other = await start(url)
  expect((await missingOf(other)).ledger).toContain('accepts the loss')
  expect((await runCli(['doctor', '--json'], { database: url })).stdout).toContain('has seen')
  await witness.stop()
  expect(seenIn()).toBe(seen)

  const without = await runCli(['restore', '--accept-loss'], { database: url })
  expect(without.stderr).toContain('--accept-loss and --reason go together')
  const lostFrom = (await readHeads(sql)).map(({ position }) => position + 1)
  const accepted = await runCli(['restore', '--accept-loss', '--reason', 'disk lost'], {
    database: url,
  })
  expect(accepted.stdout).toContain('(epoch 2)')
  const events = await sql`select payload from events where type = 'LogRestored' order by shard`
  expect(events.map(({ payload }) => payload)).toEqual(
    lostFrom.map((position) => ({ lostFrom: position, reason: 'disk lost' })),
  )
  expect((await readHeads(sql)).map(({ epoch }) => epoch)).toEqual([2, 2])
  await until(async () => (await missingOf(other)).ledger === undefined)
  await other.stop()
  const again = await start(url, { highWaterMarkFile })
  expect((await missingOf(again)).ledger).toBeUndefined()
  await again.stop()
  expect(seenIn()).not.toBe(seen)

  // The ledger of before, should it turn up again, is now the one that is behind.
  const old = await start(ledger.url, { highWaterMarkFile })
  await until(async () => (await missingOf(old)).ledger?.includes('accepts the loss') === true)
  await old.stop()
})

/** What /ready says that a gateway lacks. */
async function missingOf({ url }: { readonly url: string }): Promise<Record<string, string>> {
  const response = await fetch(`${url}/ready`)
  return ((await response.json()) as { missing?: Record<string, string> }).missing ?? {}
}
