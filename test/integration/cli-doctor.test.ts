/** `tollbook doctor` finds everything that can be wrong, and says what to do about it. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { tariffOf } from '../../src/config/tariff.ts'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { roleNames } from '../../src/ledger/roles.ts'
import { freePort } from '../../src/postgres/free-port.ts'
import { runCli } from '../support/cli.ts'
import { openIdentityProvider } from '../support/identity-provider.ts'
import { makeLogin } from '../support/logins.ts'
import { shippedConfig } from '../support/management-test-app.ts'
import { createDatabase } from '../support/postgres.ts'
import { testRedisUrl } from '../support/redis.ts'
import { type Ledger, openLedger } from '../support/test-ledger.ts'

let ledger: Ledger

beforeAll(async () => {
  ledger = await openLedger({ tariff: tariffOf(shippedConfig) })
  await ledger.owner.unsafe(`create or replace function ledger_now() returns timestamptz
    language sql volatile as 'select clock_timestamp()'`)
  await ledger.publish(tariffOf(shippedConfig), new Date())
})
afterAll(() => ledger.close())

interface Finding {
  readonly status: string
  readonly found: string
  readonly advice?: string
}

async function doctor(
  env: Record<string, string> = {},
  database = ledger.url,
  more: string[] = [],
) {
  const { status, stdout } = await runCli(['doctor', '--json', ...more], { database, env })
  const { healthy, findings } = JSON.parse(stdout)
  expect(status).toBe(healthy ? 0 : 1)
  const by = new Map<string, Finding>(
    findings.map(({ check, ...finding }: { check: string } & Finding) => [check, finding]),
  )
  return { healthy, find: (check: string) => by.get(check), stdout }
}

/** The ledger's database with settings of the session, as an operator could have set them. */
function withSettings(settings: string): string {
  return `${ledger.url}?options=${encodeURIComponent(settings)}`
}

const jwtSecret = 'the secret of the doctor test, long enough'

test('what is well is ok, and what production still needs is a warning', async () => {
  const { find } = await doctor({ JWT_SECRET: jwtSecret })
  for (const check of [
    'version',
    'pooling',
    'standbys',
    'max_connections',
    'autovacuum',
    'isolation',
    'login settings',
    'clock',
    'ledger',
    'partitions',
    'holds',
    'budgets',
    'redis',
    'sign-in',
  ]) {
    expect([check, find(check)?.status]).toEqual([check, 'ok'])
  }
  expect(find('tariff')).toMatchObject({ status: 'ok' })
  expect(find('roles')).toMatchObject({
    status: 'warning',
    found: expect.stringContaining('superuser'),
  })
  expect(find('upstream search')?.advice).toContain('Set SEARCH_SERVICE_URL')
})

test('settings that can lose charges are problems', async () => {
  const { healthy, find } = await doctor({}, withSettings('-c synchronous_commit=off'))
  expect(healthy).toBe(false)
  expect(find('synchronous_commit')).toMatchObject({ status: 'problem', found: 'off' })
  expect(find('synchronous_commit')?.advice).toContain('Set synchronous_commit = on')
})

test('a server that does not wait for its disk is a problem', async () => {
  const [row] = await ledger.sql`select current_setting('fsync') as fsync`
  const { find } = await doctor()
  expect(find('fsync')).toMatchObject({ status: row?.fsync === 'on' ? 'ok' : 'problem' })
})

test.each(['serializable', 'repeatable read'])(
  'a default of %s is no matter: connections ask for read committed',
  async (level) => {
    const name = new URL(ledger.url).pathname.slice(1)
    const own = `-c default_transaction_isolation=${level.replace(' ', '\\ ')}`
    await ledger.owner.unsafe(
      `alter database ${name} set default_transaction_isolation = '${level}'`,
    )
    for (const url of [ledger.url, withSettings(own)]) {
      const { find } = await doctor({}, url)
      expect(find('isolation')).toMatchObject({ status: 'ok', found: 'read committed' })
    }
    await ledger.owner.unsafe(`alter database ${name} reset default_transaction_isolation`)
  },
)

test('what a login was set to by itself is a problem, though this connection does not show it', async () => {
  const login = await makeLogin(ledger, 'calls')
  onTestFinished(() => login.drop())
  expect((await doctor()).find('login settings')).toMatchObject({ status: 'ok' })
  const thief = postgres(login.url, { max: 1 })
  await thief.unsafe(`alter role ${login.name} set synchronous_commit = off`)
  await thief.unsafe(`alter role ${login.name} set default_transaction_isolation = 'serializable'`)
  await thief.end()
  await ledger.owner.unsafe(
    `alter role ${login.name} in database ${new URL(ledger.url).pathname.slice(1)} set session_replication_role = 'replica'`,
  )
  const { healthy, find } = await doctor()
  expect(healthy).toBe(false)
  expect(find('login settings')).toMatchObject({
    status: 'problem',
    found: [
      'default_transaction_isolation=serializable',
      'session_replication_role=replica',
      'synchronous_commit=off',
    ]
      .map((setting) => `role ${login.name} sets ${setting}`)
      .join('; '),
  })
  const advice = find('login settings')?.advice ?? ''
  expect(advice).toContain(`alter role ${login.name} reset synchronous_commit;`)
  // Whoever follows the advice has it well again.
  await ledger.owner.unsafe(advice.slice(advice.indexOf('\n')))
  expect((await doctor()).find('login settings')).toMatchObject({ status: 'ok' })
})

test('time zones of budgets that the server does not know are named', async () => {
  const account = await ledger.account()
  const budgets = JSON.stringify([{ credits: 5, per: 'day', timeZone: 'Mars/Olympus' }])
  await ledger.owner`update account_state set budgets = ${budgets}::text::jsonb where account_id = ${account.accountId}`
  const { find } = await doctor()
  expect(find('budgets')).toMatchObject({
    status: 'warning',
    found: `PostgreSQL does not know the time zone Mars/Olympus (${account.accountId})`,
  })
  await ledger.owner`update account_state set budgets = null where account_id = ${account.accountId}`
})

test('a server that does not respond, and a database without a ledger, are problems', async () => {
  const away = await doctor({}, `postgres://nobody@127.0.0.1:${await freePort()}/x`)
  expect(away.find('postgres')?.advice).toContain('cannot be reached')
  expect(away.find('ledger')).toBeUndefined()
  const empty = await createDatabase()
  const { find } = await doctor({}, empty.url)
  expect(find('ledger')).toMatchObject({ status: 'problem' })
  expect(find('ledger')?.advice).toContain('tollbook migrate')
  await empty.drop()
})

test('a login that may not serve is a problem, and one that only may is well', async () => {
  const name = `doctor_${crypto.randomUUID().slice(0, 8)}`
  const admin = postgres(ledger.url, { max: 1, onnotice: () => {} })
  await admin.unsafe(`create role ${name} login password 'x'`)
  const login = new URL(ledger.url)
  login.username = name
  login.password = 'x'
  try {
    const refused = await doctor({}, login.href)
    expect(refused.find('roles')).toMatchObject({ status: 'problem' })
    for (const role of Object.values(roleNames)) {
      expect(refused.find('roles')?.advice).toContain(`grant ${role} to "${name}"`)
      await admin.unsafe(`grant ${role} to ${name}`)
      const { find } = await doctor({}, login.href)
      expect(find('roles')).toMatchObject({ status: 'ok', found: `${name} is ${role}` })
      expect(find('ledger')).toMatchObject({ status: 'ok' })
      await admin.unsafe(`revoke ${role} from ${name}`)
    }
    await admin.unsafe(`grant tollbook_calls to ${name}`)
    const wrong = await doctor({ MANAGEMENT_DATABASE_URL: login.href }, login.href)
    expect(wrong.find('management')?.advice).toContain(`grant tollbook_management to "${name}"`)
    const alsoWrong = await doctor({ PORTAL_DATABASE_URL: login.href }, login.href)
    expect(alsoWrong.find('portal')?.advice).toContain(`grant tollbook_portal to "${name}"`)
    await admin.unsafe(`grant tollbook_management to ${name}`)
    const both = await doctor({}, login.href)
    expect(both.find('roles')).toMatchObject({ status: 'warning' })
    expect(both.find('roles')?.advice).toContain('Give each plane a login of its own')
    await ledger.owner`grant select on lots to tollbook_calls`
    const excessive = await doctor({}, login.href)
    expect(excessive.find('roles')).toMatchObject({ status: 'problem' })
    expect(excessive.find('roles')?.found).toBe('tollbook_calls may read tables directly')
    await ledger.owner`revoke select on lots from tollbook_calls`
  } finally {
    await admin.unsafe(`drop role ${name}`)
    await admin.end({ timeout: 5 })
  }
})

test('too few connections for all gateways are a problem, and the statement that is printed mends it', async () => {
  const calls = await makeLogin(ledger, 'calls')
  const management = await makeLogin(ledger, 'management')
  const portal = await makeLogin(ledger, 'portal')
  const name = new URL(ledger.url).pathname.slice(1)
  const env = { GATEWAYS: '2', MANAGEMENT_DATABASE_URL: management.url }
  const found = async (check: string) => (await doctor(env, calls.url)).find(check)
  const mend = async (check: string) => {
    const statement = /alter .*;/.exec((await found(check))?.advice ?? '')?.[0] ?? ''
    await ledger.owner.unsafe(statement)
  }

  expect((await found('max_connections'))?.found).toEndWith('the gateways take 32')
  expect((await found('max_connections'))?.status).toBe('ok')
  const many = await doctor({ ...env, GATEWAYS: '50' }, calls.url)
  expect(many.find('max_connections')?.status).toBe('problem')
  expect(many.find('max_connections')?.found).toEndWith('the gateways take 800')

  const limit = 'connection limit'
  expect(await found(limit)).toBeUndefined()
  await ledger.owner.unsafe(`alter role ${calls.name} connection limit 19`)
  expect(await found(limit)).toMatchObject({
    status: 'problem',
    found: `19 of the login ${calls.name}; the gateways take 20`,
  })
  await mend(limit)
  expect(await found(limit)).toBeUndefined()

  await ledger.owner.unsafe(`alter database ${name} connection limit 31`)
  expect((await found(limit))?.found).toStartWith(`31 of the database ${name}`)
  await mend(limit)
  expect(await found(limit)).toBeUndefined()

  expect((await found('management'))?.status).toBe('ok')
  await ledger.owner.unsafe(`alter role ${management.name} connection limit 11`)
  expect(await found('management')).toMatchObject({
    status: 'problem',
    found: `11 of the login ${management.name}; the gateways take 12`,
  })
  await mend('management')
  expect((await found('management'))?.status).toBe('ok')

  const three = { ...env, PORTAL_DATABASE_URL: portal.url }
  const ofPortal = async () => await doctor(three, calls.url)
  expect((await ofPortal()).find('max_connections')?.found).toEndWith('the gateways take 44')
  expect((await ofPortal()).find('portal')?.status).toBe('ok')
  await ledger.owner.unsafe(`alter role ${portal.name} connection limit 11`)
  expect((await ofPortal()).find('portal')).toMatchObject({
    status: 'problem',
    found: `11 of the login ${portal.name}; the gateways take 12`,
  })
  await portal.drop()
  await calls.drop()
  await management.drop()
})

test('prices that differ from the file are pointed out', async () => {
  const tariff = tariffOf(shippedConfig)
  const changed = { ...tariff, prices: { ...tariff.prices, search: { per: 'free' as const } } }
  await ledger.publish(changed, new Date())
  // The file's prices, which come into force later by the test's clock, are replaced, too.
  await ledger.publish(changed, new Date('2030-06-15T12:00:00Z'))
  const { find } = await doctor()
  expect(find('tariff')).toMatchObject({ status: 'warning' })
  expect(find('tariff')?.advice).toContain('tollbook prices diff')
})

test('a configuration and an environment that are not valid are problems, with all that is wrong', async () => {
  const { find } = await doctor({ PORT: 'high' }, ledger.url, ['--config', '/nowhere.yaml'])
  expect(find('configuration')?.advice).toContain('/nowhere.yaml')
  expect(find('environment')?.advice).toContain('PORT: expected an integer')
  expect(find('ledger')).toMatchObject({ status: 'ok' })
})

test('an upstream that does not respond is a problem, and its address is not printed whole', async () => {
  using upstream = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () => new Response('', { status: 404 }),
  })
  const { find, stdout } = await doctor({
    SEARCH_SERVICE_URL: `http://127.0.0.1:${upstream.port}/hidden`,
    STT_SERVICE_URL: `http://127.0.0.1:${await freePort()}/hidden`,
  })
  expect(find('upstream search')).toMatchObject({ status: 'ok' })
  expect(find('upstream stt')).toMatchObject({ status: 'problem' })
  expect(find('upstream tts')).toMatchObject({ status: 'warning' })
  expect(stdout).not.toContain('hidden')
})

test('a Redis that does not respond is a problem; of one that does, the version is printed', async () => {
  const away = await doctor({ REDIS_URL: `redis://127.0.0.1:${await freePort()}` })
  expect(away.find('redis')).toMatchObject({ status: 'problem' })
  expect(away.find('redis')?.advice).toContain('each gateway admits a part of each rate limit')
  const url = await testRedisUrl()
  if (!url) return
  const { find } = await doctor({ REDIS_URL: url })
  expect(find('redis')?.found).toMatch(/^version \d/)
  expect(find('eviction')).toBeDefined()
})

test('people read it as a list that ends with what there is to do', async () => {
  const { status, stdout } = await runCli(['doctor'], {
    database: ledger.url,
    env: { PORT: 'high' },
  })
  expect(stdout).toMatch(/^problem {2}environment +not valid$/m)
  expect(stdout).toMatch(/^\d+ problems?, \d+ warnings\.$/m)
  expect(stdout).not.toContain('\u001b')
  expect(status).toBe(1)
})

test('a secret that can be guessed is a problem, and is not printed', async () => {
  const weak = 'changeme!'.repeat(5)
  const { healthy, find, stdout } = await doctor({ JWT_SECRET: weak })
  expect(healthy).toBe(false)
  expect(find('sign-in')).toMatchObject({ status: 'problem' })
  expect(stdout).not.toContain(weak)
})

test('signing keys are counted, and tokens of any issuer are a warning', async () => {
  await using provider = await openIdentityProvider()
  const JWKS_URL = provider.url
  const { find } = await doctor({ JWKS_URL })
  expect(find('signing keys')?.found).toEndWith('publishes 1 signing key')
  expect(find('token issuer')?.status).toBe('warning')
  expect(find('token issuer')?.found).toContain('without JWT_ISSUER and JWT_AUDIENCE')

  const checked = { JWT_ISSUER: 'https://id.example', JWT_AUDIENCE: 'tollbook' }
  expect((await doctor({ JWKS_URL, ...checked })).find('token issuer')).toBeUndefined()

  provider.setOutage('garbage')
  expect((await doctor({ JWKS_URL, ...checked })).find('signing keys')?.status).toBe('problem')
})

test('of a token in a file it says whom it speaks for, or why it is not accepted, and never the token', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tollbook-doctor-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'token.txt')
  const env = { JWT_SECRET: jwtSecret, JWT_AUDIENCE: 'tollbook' }
  const claims = { secret: jwtSecret, subject: 'anna', expiresInSeconds: 60 }
  const organisation = { claim: 'org_id', id: 'acme' }
  const found = async (token: string) => {
    writeFileSync(file, `Bearer ${token}\n`)
    const { find, stdout } = await doctor(env, ledger.url, ['--token', file])
    expect(stdout).not.toContain(token)
    return find('token')
  }
  const right = { ...claims, audience: 'tollbook' }
  expect(await found(await signToken({ ...right, organisation }))).toEqual({
    status: 'ok',
    found: 'accepted: role owner, user anna; its keys are those of the organisation acme',
  })
  expect((await found(await signToken({ ...right, role: 'admin' })))?.found).toContain('role admin')
  expect(await found(await signToken({ ...claims, audience: 'other' }))).toMatchObject({
    status: 'problem',
    found: 'not accepted: aud: expected "tollbook", got "other"',
  })
  const typed = await runCli(['doctor', '--token', 'eyJ.x.y'], { database: ledger.url, env })
  expect([typed.status, typed.stderr]).toEqual([
    expect.any(Number),
    expect.stringContaining('--token takes a file'),
  ])
  expect(typed.status).not.toBe(0)
  expect(typed.stderr).not.toContain('eyJ')
})
