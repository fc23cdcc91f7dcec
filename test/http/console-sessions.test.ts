/**
 * Sessions of operators' browsers, attacked: by customers' sessions, by pages of other ports, and by whoever sends many cookies. What holds
 * for every session, portal-sessions.test.ts tries.
 */
import { afterAll, describe, expect, test } from 'bun:test'
import { newSignInLink } from '../../src/http/auth/sign-in-link.ts'
import { openUnknownSecrets } from '../../src/http/auth/unknown-secrets.ts'
import { openSessionRows, type SessionOwner } from '../../src/ledger/sessions/session-rows.ts'
import { newOperatorKey } from '../support/route-requests.ts'
import { openShop } from '../support/shop.ts'

const link = newSignInLink({ role: 'admin', subject: 'ada' })
const shop = await openShop({ consoleLink: link })
afterAll(() => shop.close())
const { ledger, gateway } = shop

/** A session as if somebody had signed in: its cookie and its token. */
async function signedIn(site: 'portal' | 'console', owner: SessionOwner) {
  const id = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
  const hash = (kind: string) => Bun.SHA256.hash(`${kind}:${id}`) as Uint8Array
  await openSessionRows(ledger.sql).open(hash('session'), owner, undefined)
  return {
    'sec-fetch-site': 'same-origin',
    cookie: `__Host-tollbook-${site}=${id}`,
    'x-csrf-token': Buffer.from(hash('csrf')).toString('base64url'),
  }
}

const ask = (url: string, headers: Record<string, string>, method = 'GET', json?: object) =>
  fetch(url, {
    method,
    redirect: 'manual',
    headers: { ...headers, ...(json && { 'content-type': 'application/json' }) },
    ...(json && { body: JSON.stringify(json) }),
  })
const atConsole = `${gateway.consoleUrl}/admin/accounts`

test('a link of `up` signs an operator in, once, to the console alone', async () => {
  const headers = { 'sec-fetch-site': 'same-origin' }
  const given = { link: link.token }
  expect((await ask(`${gateway.url}/portal/session`, headers, 'POST', given)).status).toBe(401)
  const response = await ask(`${gateway.consoleUrl}/console/session`, headers, 'POST', given)
  const setCookie = response.headers.get('set-cookie') ?? ''
  expect(setCookie).toMatch(/^__Host-tollbook-console=[\w-]{43}; /)
  expect(setCookie.split('; ').slice(1).sort()).toEqual([
    ...['HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure'],
  ])
  expect((await response.json()).session).toMatchObject({ subject: 'ada', role: 'admin' })
  const again = await ask(`${gateway.consoleUrl}/console/session`, headers, 'POST', given)
  expect(again.status).toBe(401)
})

describe('a session', () => {
  test('of the console opens operators’ routes on its own listener alone', async () => {
    const ada = await signedIn('console', { role: 'admin', subject: 'ada' })
    expect((await ask(atConsole, ada)).status).toBe(200)
    expect((await ask(`${gateway.url}/admin/accounts`, ada)).status).toBe(401)
    expect((await ask(`${gateway.url}/account`, ada)).status).toBe(401)
    expect((await ask(`${gateway.url}/portal/session`, ada)).status).toBe(401)
  })

  test('of the portal is none in the console, whatever its cookie is called', async () => {
    for (const site of ['portal', 'console'] as const) {
      const nora = await signedIn(site, { role: 'owner', subject: 'nora' })
      expect((await ask(atConsole, nora)).status).toBe(401)
    }
    const renamed = await signedIn('portal', { role: 'admin', subject: 'ada' })
    expect((await ask(`${gateway.url}/account/prices`, renamed)).status).toBe(401)
  })

  test('of an auditor changes nothing', async () => {
    const otto = await signedIn('console', { role: 'auditor', subject: 'otto' })
    const path = `${gateway.consoleUrl}/admin/accounts/${shop.account.accountId}`
    expect((await ask(path, otto)).status).toBe(200)
    expect((await ask(path, otto, 'PATCH', { frozen: true })).status).toBe(403)
  })

  test.each([
    ['a page of another port', { 'sec-fetch-site': 'same-site' }],
    ['a page of another site', { 'sec-fetch-site': 'cross-site' }],
    ['a page without the token', { 'x-csrf-token': '' }],
  ])('does not count for %s', async (_, headers) => {
    const ada = await signedIn('console', { role: 'admin', subject: 'ada' })
    const path = `${gateway.consoleUrl}/admin/accounts/${shop.account.accountId}`
    const response = await ask(path, { ...ada, ...headers }, 'PATCH', { frozen: true })
    expect(response.status).toBe(403)
  })

  test('issues and rotates operator keys only for ten minutes after its sign-in', async () => {
    const ada = await signedIn('console', { role: 'admin', subject: 'ada' })
    const keys = `${gateway.consoleUrl}/admin/operator-keys`
    const issued = await ask(keys, ada, 'POST', newOperatorKey)
    expect(issued.status).toBe(201)
    const { key, operatorKey } = (await issued.json()) as {
      key: string
      operatorKey: { id: string }
    }
    const bearer = { authorization: `Bearer ${key}` }
    for (const url of [gateway.url, gateway.consoleUrl]) {
      expect((await ask(`${url}/admin/accounts`, bearer)).status).toBe(200)
    }
    await ledger.advance(10 * 60_000 + 1)
    for (const [target, json] of [
      [keys, newOperatorKey],
      [`${keys}/${operatorKey.id}/rotate`, {}],
    ] as const) {
      const late = await ask(target, ada, 'POST', json)
      expect([late.status, (await late.json()).code]).toEqual([403, 'sign_in_too_old'])
    }
    expect((await ask(`${keys}/${operatorKey.id}`, ada, 'DELETE')).status).toBe(200)
    expect((await ask(`${gateway.url}/admin/accounts`, bearer)).status).toBe(401)
  })

  test('lasts an hour without use', async () => {
    const ada = await signedIn('console', { role: 'admin', subject: 'ada' })
    await ledger.advance(60 * 60_000 + 1)
    expect((await ask(atConsole, ada)).status).toBe(401)
  })
})

test('the listener has nothing that customers ask, and no page of others can frame it', async () => {
  for (const path of ['/v1/search', '/account', '/api-keys', '/portal', '/docs']) {
    expect((await ask(gateway.consoleUrl + path, {})).status).toBe(404)
  }
  expect((await ask(`${gateway.url}/console`, {})).status).toBe(404)
  const page = await ask(`${gateway.consoleUrl}/console/accounts`, {})
  const policy = page.headers.get('content-security-policy') ?? ''
  expect(policy).toContain("frame-ancestors 'none'")
  expect(policy).toContain("require-trusted-types-for 'script'")
  expect(policy).not.toContain('unsafe')
  const first = await ask(`${gateway.consoleUrl}/`, {})
  expect([first.status, first.headers.get('location')]).toEqual([303, '/console'])
})

test('cookies that nobody was signed in with are looked up at a pace, and those of sessions at once', async () => {
  const cookies = openUnknownSecrets()
  const looked = Array.from({ length: 1_000 }, (_, i) => cookies.mayLookUp(`unknown ${i}`, 'a'))
  cookies.know('known')
  const begun = performance.now()
  expect(await cookies.mayLookUp('known', 'a')).toBe(true)
  expect(await cookies.mayLookUp('unknown', 'b')).toBe(true)
  expect(performance.now() - begun).toBeLessThan(1_000)
  // A hundred at once, then twenty a second for five seconds; nobody looks up the others.
  const allowed = (await Promise.all(looked)).filter((may) => may).length
  expect(allowed).toBeGreaterThanOrEqual(190)
  expect(allowed).toBeLessThanOrEqual(210)
})
