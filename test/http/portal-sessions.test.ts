/**
 * Sessions of browsers, attacked: by pages of other origins and other ports, by whoever plants a cookie, and by time. Requests are
 * sent as a browser would send them for such a page.
 */
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { newSignInLink, type SignInLink } from '../../src/http/auth/sign-in-link.ts'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { openSessionRows } from '../../src/ledger/sessions/session-rows.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { openShop } from '../support/shop.ts'

/** Each gateway has one link, so sessions are opened over the link of a gateway of their own where a test needs more. */
const link = newSignInLink({ role: 'owner', subject: 'nora' })
const shop = await openShop({
  signInLink: { token: link.token, signIn: (token, open) => signInAgain(token, open) },
})
afterAll(() => shop.close())
const { ledger, gateway } = shop

/** A link that signs in as often as a test wants, as if it were printed anew. */
let owner: { subject: string; organisation?: string } = { subject: 'nora' }
const signInAgain: SignInLink['signIn'] = async (token, open) =>
  token === link.token ? open({ ...owner, role: 'owner' }) : undefined

const samePage = { 'sec-fetch-site': 'same-origin' }

function ask(method: string, path: string, headers: Record<string, string>, json?: object) {
  return fetch(gateway.url + path, {
    method,
    headers: { ...headers, ...(json && { 'content-type': 'application/json' }) },
    ...(json && { body: JSON.stringify(json) }),
  })
}

interface SignedIn {
  readonly cookie: string
  readonly token: string
  readonly setCookie: string
}

async function signIn(headers: Record<string, string> = {}): Promise<SignedIn> {
  const response = await ask(
    'POST',
    '/portal/session',
    { ...samePage, ...headers },
    { link: link.token },
  )
  expect(response.status).toBe(200)
  const setCookie = response.headers.get('set-cookie') ?? ''
  const { session } = await response.json()
  return { setCookie, cookie: setCookie.split(';')[0] ?? '', token: session.csrfToken }
}

let nora: SignedIn
beforeEach(async () => {
  owner = { subject: 'nora' }
  nora = await signIn()
})

const changing = (headers: Record<string, string>) =>
  ask('POST', '/api-keys', { cookie: nora.cookie, ...headers }, { name: 'A key' })

test('the cookie is bound to this host, kept from scripts, and sent over secure connections alone', () => {
  const [value, ...attributes] = nora.setCookie.split('; ')
  expect(value).toMatch(/^__Host-tollbook-portal=[\w-]{43}$/)
  expect(attributes.sort()).toEqual(['HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure'])
})

describe('a page of the portal', () => {
  test('reads and changes what is the account’s', async () => {
    const made = await changing({ ...samePage, 'x-csrf-token': nora.token })
    expect(made.status).toBe(201)
    const { apiKeys } = await (
      await ask('GET', '/api-keys', { ...samePage, cookie: nora.cookie })
    ).json()
    expect(apiKeys[0].id).toBe((await made.json()).apiKey.id)
  })

  test('is known by its origin, where the browser says nothing else', async () => {
    const origin = new URL(gateway.url).origin
    expect((await changing({ origin, 'x-csrf-token': nora.token })).status).toBe(201)
  })
})

describe('a request is refused', () => {
  const { port } = new URL(gateway.url)
  test.each([
    ['of another site', { 'sec-fetch-site': 'cross-site' }],
    ['of another port of this host', { 'sec-fetch-site': 'same-site' }],
    ['that a user typed', { 'sec-fetch-site': 'none' }],
    ['of the origin of another port', { origin: 'http://127.0.0.1:1' }],
    ['of a host that begins alike', { origin: `http://127.0.0.1.evil.example:${port}` }],
    ['of no origin', { origin: 'null' }],
    ['that says nothing of where it comes from', {}],
  ] as const)('%s', async (_, headers) => {
    for (const response of [
      await changing({ ...headers, 'x-csrf-token': nora.token }),
      await ask('GET', '/account/prices', { ...headers, cookie: nora.cookie }),
      await ask('GET', '/portal/session', { ...headers, cookie: nora.cookie }),
      await ask('POST', '/portal/session', headers, { link: link.token }),
    ]) {
      expect(response.status).toBe(403)
      expect(response.headers.get('set-cookie')).toBeNull()
    }
  })

  test('without the token of its session, if it changes something', async () => {
    const other = await signIn()
    for (const headers of [{}, { 'x-csrf-token': '' }, { 'x-csrf-token': other.token }]) {
      expect((await changing({ ...samePage, ...headers })).status).toBe(403)
    }
  })

  test('with the token of another session, whatever it does: a tab does not turn into another’s', async () => {
    owner = { subject: 'otto' }
    const otto = await signIn({ cookie: nora.cookie })
    const headers = { ...samePage, cookie: otto.cookie }
    expect(
      (await ask('GET', '/account/prices', { ...headers, 'x-csrf-token': nora.token })).status,
    ).toBe(403)
    expect(
      (await ask('GET', '/account/prices', { ...headers, 'x-csrf-token': otto.token })).status,
    ).toBe(200)
  })

  test('with two cookies of the name, one of which somebody planted', async () => {
    const planted = `__Host-tollbook-portal=${'A'.repeat(43)}`
    for (const cookie of [`${planted}; ${nora.cookie}`, `${nora.cookie}; ${planted}`]) {
      expect((await ask('GET', '/account/prices', { ...samePage, cookie })).status).toBe(401)
    }
  })

  test('of operators’ routes: in the portal everyone is an owner', async () => {
    const response = await ask('GET', '/admin/accounts', { ...samePage, cookie: nora.cookie })
    expect(response.status).toBe(403)
  })

  test('by sold routes, for which a session is no key', async () => {
    const response = await ask(
      'POST',
      '/v1/search',
      { ...samePage, cookie: nora.cookie },
      { query: 'x' },
    )
    expect([response.status, (await response.json()).code]).toEqual([401, 'missing_key'])
  })
})

test('where nobody signs in by a link, no body is read', async () => {
  const other = await openShop()
  const response = await fetch(`${other.gateway.url}/portal/session`, {
    method: 'POST',
    headers: { ...samePage, 'content-type': 'application/json' },
    body: '{"link":',
  })
  // What is read and is no JSON is 400.
  expect(response.status).toBe(401)
  await other.close()
})

describe('a sign-in', () => {
  test('has an id of its own, and ends the session that the browser had', async () => {
    const planted = `__Host-tollbook-portal=${'A'.repeat(43)}`
    const after = await signIn({ cookie: planted })
    expect(after.cookie).not.toBe(planted)
    expect((await ask('GET', '/account/prices', { ...samePage, cookie: planted })).status).toBe(401)
    const next = await signIn({ cookie: nora.cookie })
    expect((await ask('GET', '/account/prices', { ...samePage, cookie: nora.cookie })).status).toBe(
      401,
    )
    expect((await ask('GET', '/account/prices', { ...samePage, cookie: next.cookie })).status).toBe(
      200,
    )
  })

  test('lasts an hour without use', async () => {
    await ledger.advance(59 * 60_000)
    const { cookie } = nora
    expect((await ask('GET', '/account/prices', { ...samePage, cookie })).status).toBe(200)
    await ledger.advance(59 * 60_000)
    expect((await ask('GET', '/account/prices', { ...samePage, cookie })).status).toBe(200)
    await ledger.advance(60 * 60_000 + 1)
    expect((await ask('GET', '/account/prices', { ...samePage, cookie })).status).toBe(401)
  })

  test('lasts twelve hours at most', async () => {
    const { cookie } = nora
    for (let hour = 1; hour <= 12; hour++) {
      await ledger.advance(59 * 60_000)
      expect((await ask('GET', '/account/prices', { ...samePage, cookie })).status).toBe(200)
    }
    await ledger.advance(20 * 60_000)
    expect((await ask('GET', '/account/prices', { ...samePage, cookie })).status).toBe(401)
  })

  test('ends by signing out, and the cookie is taken away', async () => {
    const headers = { ...samePage, cookie: nora.cookie }
    expect((await ask('DELETE', '/portal/session', headers)).status).toBe(403)
    const response = await ask('DELETE', '/portal/session', {
      ...headers,
      'x-csrf-token': nora.token,
    })
    expect(response.headers.get('set-cookie')).toContain('__Host-tollbook-portal=; ')
    expect(response.headers.get('set-cookie')).toContain('Max-Age=0')
    expect((await ask('GET', '/portal/session', headers)).status).toBe(401)
  })

  test('ends in all browsers by signing out everywhere, and nobody else’s does', async () => {
    owner = { subject: 'otto' }
    const otto = await signIn()
    owner = { subject: 'nora', organisation: 'acme' }
    const elsewhere = await signIn()
    const headers = { ...samePage, cookie: nora.cookie, 'x-csrf-token': nora.token }
    expect((await ask('DELETE', '/portal/session?everywhere=true', headers)).status).toBe(200)
    for (const [{ cookie }, status] of [
      [nora, 401],
      [elsewhere, 401],
      [otto, 200],
    ] as const) {
      expect((await ask('GET', '/portal/session', { ...samePage, cookie })).status).toBe(status)
    }
  })

  test('is ended by an operator, too', async () => {
    const token = await signToken({
      secret: jwtSecret,
      subject: 'ada',
      role: 'admin',
      expiresInSeconds: 60,
    })
    const headers = { authorization: `Bearer ${token}` }
    const response = await ask('POST', '/admin/sign-outs', headers, { subject: 'nora' })
    expect(await response.json()).toEqual({ sessionsEnded: expect.any(Number) })
    const { cookie } = nora
    expect((await ask('GET', '/portal/session', { ...samePage, cookie })).status).toBe(401)
  })

  test('is deleted when it is over', async () => {
    const rows = openSessionRows(ledger.sql)
    const count = async () => (await ledger.owner`select 1 from portal_sessions`).length
    await rows.forget()
    expect(await count()).toBeGreaterThan(0)
    await ledger.advance(60 * 60_000 + 1)
    await rows.forget()
    expect(await count()).toBe(0)
  })

  test('takes a permit whenever a page asks whose it is', async () => {
    const headers = { ...samePage, cookie: nora.cookie }
    const left = async () =>
      Number((await ask('GET', '/portal/session', headers)).headers.get('x-ratelimit-remaining'))
    const before = await left()
    expect(await left()).toBe(before - 1)
  })

  test('leaves no id in the database, from which somebody could sign in', async () => {
    const id = nora.cookie.split('=')[1] ?? ''
    const rows = await ledger.owner<{ row: string }[]>`select s::text as row from portal_sessions s`
    expect(rows.length).toBeGreaterThan(0)
    const hex = Buffer.from(id, 'base64url').toString('hex')
    for (const { row } of rows) {
      expect(row).not.toContain(id)
      expect(row).not.toContain(Buffer.from(id).toString('hex'))
      expect(row).not.toContain(hex)
    }
  })

  test('acts for the organisation, where the sign-in names one', async () => {
    owner = { subject: 'nora', organisation: 'acme' }
    const ofAcme = await signIn()
    const headers = { ...samePage, cookie: ofAcme.cookie, 'x-csrf-token': ofAcme.token }
    const { apiKey } = await (await ask('POST', '/api-keys', headers, { name: 'A key' })).json()
    const hers = { ...samePage, cookie: nora.cookie }
    expect((await ask('GET', `/api-keys/${apiKey.id}`, hers)).status).toBe(404)
  })
})

describe('a link', () => {
  test('of `up` is taken from this machine alone', async () => {
    for (const headers of [
      { host: 'tollbook.example' },
      { 'x-forwarded-for': '192.0.2.1' },
      { forwarded: 'for=192.0.2.1' },
    ]) {
      const all = { ...samePage, ...headers }
      const response = await ask('POST', '/portal/session', all, { link: link.token })
      expect([headers, response.status]).toEqual([headers, 401])
    }
  })

  test('signs in once, within ten minutes', async () => {
    let nowMs = 0
    const clock = () => nowMs
    const nora = { role: 'owner', subject: 'nora' } as const
    const open = async (owner: object) => owner
    const once = newSignInLink(nora, clock)
    expect(await once.signIn('x', open)).toBeUndefined()
    const both = [once.signIn(once.token, open), once.signIn(once.token, open)]
    expect(await Promise.all(both)).toEqual([nora, undefined])
    expect(await once.signIn(once.token, open)).toBeUndefined()
    const late = newSignInLink(nora, clock)
    nowMs += 10 * 60_000 + 1
    expect(await late.signIn(late.token, open)).toBeUndefined()
  })

  test('is not used up by a sign-in that the ledger does not take', async () => {
    const once = newSignInLink({ role: 'owner', subject: 'nora' })
    const failing = once.signIn(once.token, () => Promise.reject(new Error('the ledger is away')))
    expect(failing).rejects.toThrow('the ledger is away')
    await failing.catch(() => {})
    expect(await once.signIn(once.token, async () => 'signed in')).toBe('signed in')
    expect(await once.signIn(once.token, async () => 'signed in')).toBeUndefined()
  })
})

test('no page of another origin can frame the portal, and nothing runs on it but its own files', async () => {
  const response = await ask('GET', '/portal', {})
  const policy = response.headers.get('content-security-policy') ?? ''
  expect(policy).toContain("frame-ancestors 'none'")
  expect(policy).toContain("script-src 'self'")
  expect(policy).toContain("require-trusted-types-for 'script'")
  expect(policy).not.toContain('unsafe')
  expect(response.headers.get('x-frame-options')).toBe('DENY')
})
