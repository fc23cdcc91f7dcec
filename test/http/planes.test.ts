/** Each plane by itself, on a login that has its role alone: it does all of its part, and has nothing of the other's. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { accountIdOf } from '../../src/lib/ids.ts'
import { makeLogin } from '../support/logins.ts'
import { jwtSecret, startTestGateway, type TestGateway } from '../support/running-gateway.ts'
import { startServe } from '../support/serve-process.ts'
import { type Ledger, openLedger } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let ledger: Ledger
let upstream: Upstream
let calls: TestGateway
let management: TestGateway
let logins: Awaited<ReturnType<typeof makeLogin>>[]

beforeAll(async () => {
  // Empty: management publishes the first prices.
  ledger = await openLedger({ tariff: null })
  upstream = startUpstream()
  logins = [
    await makeLogin(ledger, 'calls'),
    await makeLogin(ledger, 'management'),
    await makeLogin(ledger, 'portal'),
  ]
  const [ofCalls, ofManagement, ofOwners] = logins.map(({ url }) => url) as [string, string, string]
  const common = { upstream: upstream.url, env: { ADMIN_USER_IDS: 'boss' } }
  calls = await startTestGateway({ ...common, databaseUrl: ofCalls, plane: 'calls' })
  expect((await (await fetch(`${calls.url}/ready`)).json()).missing).toEqual({
    tariff: expect.stringContaining('prices publish'),
  })
  management = await startTestGateway({
    ...{ ...common, databaseUrl: 'postgres://nobody@127.0.0.1:1/none' },
    ...{ managementDatabaseUrl: ofManagement, portalDatabaseUrl: ofOwners, plane: 'management' },
  })
})
afterAll(async () => {
  await Promise.all([calls.stop(), management.stop()])
  await upstream.stop()
  for (const login of logins) await login.drop()
  await ledger.close()
})

const token = () => signToken({ secret: jwtSecret, subject: 'anna', expiresInSeconds: 60 })

async function issueKey(): Promise<{ key: string; id: string }> {
  const response = await fetch(`${management.url}/api-keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'mine' }),
  })
  expect(response.status).toBe(201)
  const { key, apiKey } = (await response.json()) as { key: string; apiKey: { id: string } }
  return { key, id: apiKey.id }
}

const call = (key: string, path = '/v1/search', method = 'POST') =>
  fetch(calls.url + path, {
    method,
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    ...(method === 'POST' && path === '/v1/search' && { body: JSON.stringify({ query: 'x' }) }),
  })

test('a key that management issues buys at calls, is asked about there, and revokes itself', async () => {
  const { key } = await issueKey()
  const sold = await call(key)
  expect(sold.status).toBe(200)
  const requestId = sold.headers.get('x-request-id') as string
  expect((await (await call(key, '/v1/key', 'GET')).json()).accountId).toBe(
    accountIdOf({ kind: 'user', id: 'anna' }),
  )
  const charge = await call(key, `/v1/charges/${requestId}`, 'GET')
  expect((await charge.json()).status).toBe('settled')
  const charges = await (await call(key, '/v1/charges', 'GET')).json()
  expect(charges.charges[0].requestId).toBe(requestId)
  expect((await call(key, '/v1/prices', 'GET')).status).toBe(200)
  expect((await call(key, '/v1/key/revoke')).status).toBe(200)
  await until(async () => (await call(key)).status === 401)
})

test("what owners do is done by the portal's login, and what operators do by that of management", async () => {
  const { id } = await issueKey()
  const boss = await signToken({ secret: jwtSecret, subject: 'boss', expiresInSeconds: 60 })
  const frozen = await fetch(
    `${management.url}/admin/accounts/${accountIdOf({ kind: 'user', id: 'anna' })}`,
    {
      method: 'PATCH',
      headers: { authorization: `Bearer ${boss}`, 'content-type': 'application/json' },
      body: JSON.stringify({ limits: { maxInFlight: 7 } }),
    },
  )
  expect(frozen.status).toBe(200)
  const rows = await ledger.owner<{ type: string; login: string }[]>`
    select type, login from events where key_id = ${id} or type = 'AccountLimitsChanged' order by position`
  const [, ofManagement, ofOwners] = logins.map(({ name }) => name)
  expect(rows.map(({ type, login }) => [type, login])).toEqual([
    ['KeyIssued', ofOwners as string],
    ['AccountLimitsChanged', ofManagement as string],
  ])
})

test('a price that management tries and publishes is what calls charge from then on', async () => {
  const { key } = await issueKey()
  expect((await call(key)).headers.get('x-credits-charged')).toBe('1')
  const subject = 'boss'
  const boss = await signToken({ secret: jwtSecret, subject, expiresInSeconds: 60 })
  const ask = (path: string, json?: object) =>
    fetch(management.url + path, {
      method: json ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${boss}`, 'content-type': 'application/json' },
      ...(json && { body: JSON.stringify(json) }),
    })
  const { configured } = await (await ask('/admin/prices/diff')).json()
  const search = { per: 'request', credits: 2 }
  const tariff = { ...configured, prices: { ...configured.prices, search } }
  const from = new Date().toISOString().slice(0, 7)
  const simulated = await (await ask('/admin/simulations', { tariff, from })).text()
  expect(JSON.parse(simulated.trim().split('\n').at(-1) ?? '')).toHaveProperty('simulation')
  expect((await ask('/admin/prices', { tariff, reason: 'Costs rose' })).status).toBe(201)
  await until(async () => (await call(key)).headers.get('x-credits-charged') === '2')
})

test('each says that it is ready, and has metrics', async () => {
  for (const { url, metricsUrl } of [calls, management]) {
    await until(async () => (await fetch(`${url}/ready`)).status === 200)
    const metrics = await (await fetch(metricsUrl)).text()
    expect(metrics).toContain('tollbook_ledger_up 1')
  }
})

describe('what the other plane has', () => {
  test('is no route', async () => {
    const { key } = await issueKey()
    for (const path of ['/api-keys', '/account/balance', '/admin/events']) {
      const headers = { authorization: `Bearer ${await token()}` }
      expect([path, (await fetch(calls.url + path, { headers })).status]).toEqual([path, 404])
      expect([path, (await fetch(management.url + path)).status]).toEqual([path, 401])
    }
    for (const path of ['/v1/search', '/v1/key', '/v1/prices']) {
      const headers = { 'x-api-key': key }
      expect([path, (await fetch(management.url + path, { headers })).status]).toEqual([path, 404])
    }
  })

  test('is not documented', async () => {
    const pathsOf = async (url: string) =>
      Object.keys((await (await fetch(`${url}/docs/json`)).json()).paths)
    const [ofCalls, ofManagement] = [await pathsOf(calls.url), await pathsOf(management.url)]
    expect(ofCalls).toContain('/v1/search')
    expect(ofManagement).toContain('/api-keys')
    expect(ofCalls.filter((path) => ofManagement.includes(path))).toEqual(['/health', '/ready'])
  })
})

test('serve says where one login could do what both may, and nothing where it cannot', async () => {
  const both = await makeLogin(ledger, 'calls', 'management', 'portal')
  const [ofCalls, ofManagement, ofOwners] = logins.map(({ url }) => url) as [string, string, string]
  const common = { JWT_SECRET: jwtSecret, SEARCH_SERVICE_URL: upstream.url }
  const planes = { DATABASE_URL: ofCalls, MANAGEMENT_DATABASE_URL: ofManagement }
  const env = (more: Record<string, string>) => ({
    ...{ ...common, STT_SERVICE_URL: upstream.url, TTS_SERVICE_URL: upstream.url },
    ...more,
  })
  try {
    const [shared, portal, parted] = await Promise.all([
      startServe(env({ DATABASE_URL: both.url })),
      startServe(env({ ...planes, PORTAL_DATABASE_URL: both.url })),
      startServe(env({ ...planes, PORTAL_DATABASE_URL: ofOwners })),
    ])
    const warnings = ({ printed }: typeof shared) => printed.match(/may take the role [\w ]+, too/g)
    expect(warnings(shared)).toHaveLength(2)
    expect(shared.printed).toContain("owners' routes use the login for management")
    expect(warnings(portal)).toHaveLength(1)
    expect(portal.printed).toContain('the login for portal may take the role')
    expect(warnings(parted)).toBeNull()
    expect(parted.printed).not.toContain("owners' routes use")
    const stopped = await Promise.all([shared.stop(), portal.stop(), parted.stop()])
    expect(stopped).toEqual([0, 0, 0])
  } finally {
    await both.drop()
  }
})
