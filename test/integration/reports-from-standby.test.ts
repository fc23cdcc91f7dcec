/** Reports read a standby, and say what was in the log when they were asked for: whatever the standby has of it. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { familyOf } from '../../bench/parts/processor-time.ts'
import { tariffOf } from '../../src/config/tariff.ts'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { readFrom, readFromStandby } from '../../src/http/report-source.ts'
import { connect, type Sql } from '../../src/ledger/connect.ts'
import { migrate } from '../../src/ledger/migrate/migrate.ts'
import { runCli, runJson } from '../support/cli.ts'
import { jwtSecret, startTestGateway, type TestGateway } from '../support/running-gateway.ts'
import { type ServerPair, startServerPair } from '../support/standby.ts'
import { testConfig } from '../support/test-config.ts'
import { type Ledger, openLedgerAt, type TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const month = new Date().toISOString().slice(0, 7)
const owner = { kind: 'user', id: 'anna' } as const

let pair: ServerPair
let urls: { readonly primary: string; readonly standby: string }
let ledger: Ledger
/** A superuser's, of the standby. */
let atStandby: Sql
let upstream: Upstream
let gateway: TestGateway
let key: TestKey

beforeAll(async () => {
  pair = await startServerPair(async () => ({}), 'reports')
  const { login, primaryPort, standbyPort } = pair
  const urlOf = (port: number) => `postgres://${login}@127.0.0.1:${port}/postgres`
  urls = { primary: urlOf(primaryPort), standby: urlOf(standbyPort) }
  await migrate({ url: urls.primary, shards: 1 })
  const tariff = tariffOf(testConfig())
  const now = new Date()
  ledger = await openLedgerAt(urls.primary, { tariff, now, drop: async () => {} })
  atStandby = connect({ url: urls.standby, as: 'owner', max: 1 })
  upstream = startUpstream()
  gateway = await startTestGateway(settings(urls.standby))
  const account = await ledger.account({ plan: 'pro', owner })
  key = await ledger.key(account, { name: 'Ours' })
})
afterAll(async () => {
  await gateway?.stop()
  await upstream?.stop()
  await atStandby?.end({ timeout: 5 })
  await ledger?.close()
  await pair?.stop()
})

function settings(reportsDatabaseUrl: string) {
  return { databaseUrl: urls.primary, reportsDatabaseUrl, upstream: upstream.url }
}

async function get(path: string, who: 'anna' | 'ops' = 'ops') {
  const token = await signToken({
    ...{ secret: jwtSecret, subject: who, expiresInSeconds: 600 },
    ...(who === 'ops' && { role: 'admin' as const }),
  })
  const response = await fetch(gateway.url + path, {
    headers: { authorization: `Bearer ${token}` },
  })
  return { status: response.status, body: await response.json() }
}

/** @returns the id of the request */
async function call(): Promise<string> {
  const response = await fetch(`${gateway.url}/v1/search`, {
    method: 'POST',
    body: JSON.stringify({ query: 'q' }),
    headers: { 'content-type': 'application/json', 'x-api-key': key.text },
  })
  expect(response.status).toBe(200)
  return response.headers.get('x-request-id') ?? ''
}

/** Resolves when the standby has what the primary has. */
function caughtUp(): Promise<void> {
  return until(async () => {
    const [row] = await atStandby<[{ position: number }]>`select position from heads_v1()`
    const [head] = await ledger.sql<[{ position: number }]>`select position from heads_v1()`
    return row.position >= head.position
  })
}

/** How many charges the account has, by a report. */
async function charges(): Promise<number> {
  const { body } = await get('/account/charges', 'anna')
  return body.charges.length
}

/** Of the standby's server and all that it has started. */
async function standbyPids(): Promise<number[]> {
  const [row] = await atStandby<[{ pid: number }]>`
    select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int as pid`
  return familyOf(row.pid).map(({ id }) => id)
}

/** Connections of reports that have done something. */
async function reportsAt(sql: Sql): Promise<number> {
  const [row] = await sql<[{ count: number }]>`
    select count(*)::int as count from pg_stat_activity where application_name = 'tollbook reports'`
  return row.count
}

test('every report of operators and owners is computed there, and none on the primary', async () => {
  await call()
  const account = key.accountId
  const ofOperators = [
    ...['usage/summary', 'usage/top-users', 'usage/hourly?by=hour&days=2'],
    ...['events', `accounts/${account}/usage?group=outcome&days=7`],
    ...['balance/history', 'statements', `statements/${month}?lines=true`, 'charges'].map(
      (what) => `accounts/${account}/${what}`,
    ),
  ]
  for (const path of ofOperators) {
    const { status, body } = await get(`/admin/${path}`)
    expect({ path, status, body }).toMatchObject({ path, status: 200 })
  }
  const ofOwners = [
    ...['usage?by=day&group=key&days=7', 'balance/history', 'statements', 'charges'],
    `statements/${month}?lines=true`,
  ].map((what) => `account/${what}`)
  const ofKeys = ['usage', 'usage/summary', 'events'].map((what) => `api-keys/${key.keyId}/${what}`)
  for (const path of [...ofOwners, ...ofKeys]) {
    const { status, body } = await get(`/${path}`, 'anna')
    expect({ path, status, body }).toMatchObject({ path, status: 200 })
  }
  expect(await reportsAt(atStandby)).toBeGreaterThan(0)
  expect(await reportsAt(ledger.sql)).toBe(0)
  // What can change without an event is the primary's.
  for (const what of ['health', 'refusals']) expect((await get(`/admin/${what}`)).status).toBe(200)
  expect(await reportsAt(ledger.sql)).toBe(1)
  expect(gateway.warnings).toEqual([])
})

test('commands that report read it as well, where they are told its address', async () => {
  const requestId = await call()
  await caughtUp()
  const statement = ['report', 'statement', '--account', key.accountId, '--month', month]
  const of = (database: string) => runJson(statement, { database })
  expect((await of(urls.standby)).statement).toEqual((await of(urls.primary)).statement)
  const usage = (database: string) => runJson(['report', 'usage'], { database })
  // Sums of days follow the log, maybe between the two.
  await until(async () => {
    const [there, here] = [await usage(urls.standby), await usage(urls.primary)]
    return here.total.requests > 0 && Bun.deepEquals(there, here)
  })
  const explained = await runCli(['explain', requestId], { database: urls.standby })
  expect(explained.stdout).toContain('1 credit')
  const { stderr } = await runCli(['verify'], { database: urls.standby })
  expect(stderr).toContain('Let DATABASE_URL name the primary')
  const folder = mkdtempSync(join(tmpdir(), 'tollbook-reports-'))
  const file = join(folder, 'events.jsonl')
  await runCli(['export', 'events', file], { database: urls.standby })
  expect(readFileSync(file, 'utf8')).toContain('HoldSettled')
  rmSync(folder, { recursive: true })
})

test('doctor says how far it is behind, and what is wrong with another one', async () => {
  const finding = async (reports: string) => {
    const { stdout } = await runCli(['doctor', '--json'], {
      database: urls.primary,
      env: { REPORTS_DATABASE_URL: reports },
    })
    const { findings } = JSON.parse(stdout) as {
      findings: { check: string; status: string; found: string }[]
    }
    return findings.find(({ check }) => check === 'reports')
  }
  expect(await finding(urls.standby)).toEqual({
    ...{ check: 'reports', status: 'ok', found: 'a standby, 0 events behind' },
  })
  expect(await finding(urls.primary)).toMatchObject({ status: 'warning' })
  expect(await finding(urls.standby.replace(/:\d+\//, ':1/'))).toMatchObject({ status: 'problem' })
  await ledger.owner`create role poor login password 'poor'`
  const poor = new URL(urls.standby)
  Object.assign(poor, { username: 'poor', password: 'poor' })
  await until(async () => {
    const found = await finding(poor.href)
    return found?.status === 'problem' && found.found.includes('tollbook_management')
  })
})

test('what was charged before a report was asked for is in it, each time', async () => {
  for (let made = 1; made <= 20; made++) {
    const before = await charges()
    await call()
    expect(await charges()).toBe(before + 1)
  }
  expect(gateway.warnings).toEqual([])
})

test('a standby that does not follow is not waited for long: the primary is read', async () => {
  await atStandby`select pg_wal_replay_pause()`
  const before = await charges()
  await call()
  expect(await charges()).toBe(before + 1)
  expect(gateway.warnings.join()).toContain('the primary is read')
  await atStandby`select pg_wal_replay_resume()`
  await caughtUp()
})

test('a report that the standby ends, since it has to follow, is begun again', async () => {
  await ledger.owner`create table public.reported (id integer)`
  await atStandby.unsafe('alter system set max_standby_streaming_delay = 0')
  await atStandby`select pg_reload_conf()`
  await until(async () => {
    const [row] = await atStandby`show max_standby_streaming_delay`
    return row?.max_standby_streaming_delay === '0'
  })
  await until(
    async () => (await atStandby`select to_regclass('public.reported') as found`)[0]?.found,
  )
  const standby = connect({ url: urls.standby, as: 'owner', max: 1 })
  const warnings: string[] = []
  const source = readFromStandby({
    ...{ standby, primary: readFrom(ledger.sql), primarySql: ledger.sql },
    warn: (message) => warnings.push(message),
  })
  const ended: unknown[] = []
  const reading = source.read((sql) => {
    const seconds = ended.length === 0 ? 60 : 0
    const report = sql`
      select pg_is_in_recovery() as there, pg_sleep(${seconds}) from (select count(*) from public.reported) rows`
    report.catch((error) => ended.push(error.code))
    return report
  })
  const isUnderWay = async () => {
    const rows = await atStandby`
      select from pg_stat_activity where wait_event = 'PgSleep' and query like '%public.reported%'`
    return rows.length > 0
  }
  await until(isUnderWay)
  await ledger.owner`truncate public.reported`
  const rows = await reading
  // By an error, or with its connection.
  expect(ended).toHaveLength(1)
  expect(rows[0]?.there).toBe(true)
  expect(warnings).toEqual([])
  await standby.end({ timeout: 5 })
})

test('a standby that does not reply is given up, and the primary is read', async () => {
  const frozen = await standbyPids()
  const signal = (name: 'SIGSTOP' | 'SIGCONT') =>
    Bun.spawn(['kill', '-s', name.slice(3), ...frozen.map(String)]).exited
  await signal('SIGSTOP')
  const before = gateway
  gateway = await startTestGateway(settings(urls.standby))
  expect(await charges()).toBeGreaterThan(0)
  expect(gateway.warnings.join()).toContain('the primary is read')
  await gateway.stop()
  gateway = before
  await signal('SIGCONT')
})

test('a standby that is away, and one that is none, leave the primary', async () => {
  for (const url of [urls.standby.replace(/:\d+\//, ':1/'), urls.primary]) {
    const other = await startTestGateway(settings(url))
    const before = gateway
    gateway = other
    expect(await charges()).toBeGreaterThan(0)
    expect(other.warnings.join()).toContain('the primary is read')
    gateway = before
    await other.stop()
  }
})
