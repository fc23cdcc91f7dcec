/**
 * Keys and tokens appear nowhere: not in what a gateway prints, not in its responses, not in the database. A real
 * `tollbook serve` logs everything it can here, and requests have secrets wherever clients put them by mistake.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { tariffOf } from '../../src/config/tariff.ts'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { takeAway } from '../support/outage.ts'
import { type ServeProcess, startServe } from '../support/serve-process.ts'
import { testConfig } from '../support/test-config.ts'
import { type Ledger, openLedger } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const jwtSecret = 'the secret of the secrets test, long enough'

const json = { 'content-type': 'application/json' }

let ledger: Ledger
let upstream: Upstream
let gateway: ServeProcess
let owner: string
let admin: string
/** The secrets. */
const secrets = new Map<string, string>([['the JWT secret', jwtSecret]])
/** All responses but those that show a new key. */
let responses = ''

beforeAll(async () => {
  // A refused body uses its permit: no call here is refused for want of one.
  const plans = { free: { rateLimit: 1_000 } }
  ledger = await openLedger({ tariff: tariffOf(testConfig({ plans })) })
  upstream = startUpstream()
  const { url } = upstream
  gateway = await startServe({
    ...{ DATABASE_URL: ledger.url, JWT_SECRET: jwtSecret, LOG_LEVEL: 'trace' },
    ...{ SEARCH_SERVICE_URL: url, STT_SERVICE_URL: url, TTS_SERVICE_URL: url },
  })
  const token = { secret: jwtSecret, expiresInSeconds: 600 }
  owner = await signToken({ ...token, subject: 'anna' })
  admin = await signToken({ ...token, subject: 'root', role: 'admin' })
  secrets.set("the owner's token", owner).set("the admin's token", admin)
  secrets.set("the database's password", new URL(ledger.url).password)
  await misuse()
  await gateway.stop()
})

afterAll(async () => {
  await gateway.stop()
  await upstream.stop()
  await ledger.close()
})

async function misuse(): Promise<void> {
  const { id, key } = await issue('live', 'POST', '/api-keys', { name: 'Robot' })
  await issue('rotated', 'POST', `/api-keys/${id}/regenerate`, {})
  await issue('test', 'POST', '/api-keys', { name: 'Trial', mode: 'test' })
  const other = await issue('other', 'POST', '/api-keys', { name: 'Other' })
  for (const secret of [key, `${key}x`, other.key, owner]) await showEverywhere(secret, other.id)
  await showInBrokenHttp(key)
  await fail(other.key)
  await ask('DELETE', `/api-keys/${other.id}`)
  await call({ 'x-api-key': other.key }, { query: 'honey' })
}

/** Sends a secret where it does not belong, and where it belongs together with another fault. */
async function showEverywhere(secret: string, keyId: string): Promise<void> {
  for (const header of [
    ...['x-api-key', 'x-api-token', 'api-key', 'cookie', 'user-agent', 'referer', 'x-request-id'],
    ...['x-forwarded-for', 'content-type', 'accept', 'idempotency-key', 'traceparent', secret],
  ]) {
    await call({ [header]: secret }, { query: 'honey' })
  }
  for (const value of [secret, `Basic ${secret}`, `Bearer ${secret}`, `Basic ${btoa(secret)}`]) {
    await call({ authorization: value }, { query: 'honey' })
    await request('GET', '/api-keys', { authorization: value })
  }
  const shown = { 'x-api-key': secret }
  for (const body of [{ query: 1, options: secret }, secret, { query: secret }]) {
    await call(shown, body)
  }
  // Without field names and key names: their owner may read them again.
  await send('POST', '/v1/search', { ...json, ...shown }, { [secret]: 1 })
  await send(...toRequest('POST', '/api-keys', { name: 'x', [secret]: secret }))
  await send(...toRequest('PATCH', `/api-keys/${keyId}`, { name: secret, description: secret }))
  await ask('PATCH', `/api-keys/${keyId}`, { name: 'Other', description: null })
  for (const path of [
    ...[`/v1/search?key=${secret}`, `/v1/${secret}`, `/v1/charges/${secret}`, `/${secret}`],
    ...[`/api-keys/${secret}`, `/api-keys?page=${secret}`, `/account/${secret}?mode=${secret}`],
    ...[`/admin/api-keys/${secret}`, `/admin/accounts/${secret}`, `/admin/events?type=${secret}`],
  ]) {
    await request('GET', path, shown)
    await ask('GET', path)
    await ask('GET', path, undefined, admin)
  }
  await ask('POST', '/api-keys', { name: 'x', tier: secret })
  await ask('PATCH', `/admin/api-keys/${keyId}`, { active: true, reason: secret }, admin)
}

/** Requests that no HTTP library would send. */
async function showInBrokenHttp(key: string): Promise<void> {
  const { port } = new URL(gateway.url)
  for (const text of [
    `GET /v1/search ${key}\r\n\r\n`,
    `${key} /v1/search HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET /v1/search HTTP/1.1\r\n${key}\r\n\r\n`,
    `GET /v1/search HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\u0000\r\n\r\n`,
    `POST /v1/search HTTP/1.1\r\nHost: ${key}\r\nX-API-Key: ${key}\r\nContent-Length: 9\r\n\r\n{`,
  ]) {
    const socket = connect(Number(port), '127.0.0.1')
    socket.on('error', () => {})
    socket.on('data', (data) => {
      responses += data.toString('latin1')
    })
    await new Promise<void>((resolve) => socket.end(text, 'latin1', resolve))
    socket.destroy()
  }
}

/** Makes calls with a valid key fail in ways that the gateway logs. */
async function fail(key: string): Promise<void> {
  const shown = { 'x-api-key': key }
  for (const status of [401, 404, 500, 503]) {
    upstream.respond(({ headers }) =>
      Response.json({ you: headers.get('user-agent') }, { status, headers: { 'x-its': 'own' } }),
    )
    await call(shown, { query: key })
  }
  upstream.respond(() => Response.json({ results: [] }))
  const giveBack = await takeAway(ledger.url)
  await call(shown, { query: 'away' })
  await ask('GET', `/api-keys/${key}`)
  await giveBack()
  await until(async () => (await fetch(`${gateway.url}/ready`)).status === 200)
}

async function issue(name: string, ...command: Parameters<typeof ask>) {
  const text = await send(...toRequest(...command))
  const { key, apiKey } = JSON.parse(text)
  expect(key).toBeString()
  secrets.set(`the key "${name}"`, key)
  return { id: apiKey.id as string, key: key as string }
}

async function ask(method: string, path: string, body?: unknown, token = owner): Promise<void> {
  responses += await send(...toRequest(method, path, body, token))
}

function toRequest(
  method: string,
  path: string,
  body?: unknown,
  token = owner,
): Parameters<typeof send> {
  return [method, path, { ...json, authorization: `Bearer ${token}` }, body]
}

function call(headers: Record<string, string>, body: unknown): Promise<void> {
  return request('POST', '/v1/search', { ...json, ...headers }, body)
}

async function request(...sent: Parameters<typeof send>): Promise<void> {
  responses += await send(...sent)
}

async function send(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: unknown,
): Promise<string> {
  const response = await fetch(gateway.url + path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  responses += JSON.stringify([...response.headers])
  return response.text()
}

test('the gateway logged much, and ended as it should', () => {
  const said = (name: string, value: unknown) => gateway.log.some((line) => line[name] === value)
  expect(said('msg', 'call')).toBe(true)
  expect(said('refusal', 'malformed_key')).toBe(true)
  expect(said('refusal', 'unknown_key')).toBe(true)
  expect(said('refusal', 'ledger_unavailable')).toBe(true)
  expect(said('route', '/api-keys/:id')).toBe(true)
  expect(said('msg', 'stopped')).toBe(true)
  expect(responses.length).toBeGreaterThan(10_000)
})

test('nothing that it printed has a secret', () => {
  expect(found(gateway.printed)).toEqual([])
})

test('none of its responses has a secret', () => {
  expect(found(responses)).toEqual([])
})

test('no table of the database has a secret, as text or as bytes', async () => {
  const tables = await ledger.owner<{ name: string }[]>`
    select c.oid::regclass::text as name from pg_class c
    where c.relkind in ('r', 'm') and c.relnamespace not in
      (select oid from pg_namespace where nspname in ('pg_catalog', 'information_schema', 'pg_toast'))`
  const names = tables.map(({ name }) => name)
  expect(names).toEqual(
    expect.arrayContaining(['key_state', 'management_commands', 'producers', 'daily_usage']),
  )
  let dump = ''
  for (const name of names) {
    const rows = await ledger.owner.unsafe<{ row: string }[]>(
      `select t::text as row from ${name} t`,
    )
    dump += rows.map(({ row }) => row).join('\n')
  }
  expect(dump).toContain('KeyIssued')
  expect(found(dump)).toEqual([])
})

test('the upstreams behind it got no key', () => {
  const shown = upstream.executed.map(({ headers }) => JSON.stringify([...headers])).join('\n')
  expect(found(shown)).toEqual([])
})

/** The secrets that a text has, as they are or in another spelling. */
function found(text: string): string[] {
  const lower = text.toLowerCase()
  return [...secrets]
    .filter(([, secret]) => secret !== '')
    .filter(
      ([, secret]) =>
        text.includes(secret) ||
        text.includes(btoa(secret).replace(/=+$/, '')) ||
        lower.includes(Buffer.from(secret).toString('hex')),
    )
    .map(([name]) => name)
}
