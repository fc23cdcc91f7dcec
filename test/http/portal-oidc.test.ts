/** Signing in to the portal at an identity provider: a real one, with its own pages, in a real browser, and attacked. */
import { afterAll, describe, expect, test } from 'bun:test'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'
import { freePort } from '../../src/postgres/free-port.ts'
import { browserProgram, startBrowser } from '../support/browser.ts'
import { openShop } from '../support/shop.ts'
import { testConfig } from '../support/test-config.ts'

const port = await freePort()
const publicUrl = `http://127.0.0.1:${port}`
const consolePort = await freePort()
const consoleUrl = `http://127.0.0.1:${consolePort}`
const secret = 'the secret of the portal'
const { organisationClaim } = testConfig()
const provider = await startProvider()
const shop = await openShop({
  config: { supportRole: 'support' },
  env: {
    ...{ PORT: String(port), PUBLIC_URL: publicUrl, OIDC_ISSUER: provider.url },
    ...{ OIDC_CLIENT_ID: 'portal', OIDC_CLIENT_SECRET: secret },
    ...{ CONSOLE_URL: consoleUrl, CONSOLE_PORT: String(consolePort) },
  },
})
afterAll(async () => {
  await shop.close()
  provider.stop()
})

async function startProvider() {
  const issuerPort = await freePort()
  const url = `http://127.0.0.1:${issuerPort}`
  const app = new Provider(url, {
    clients: [
      {
        ...{ client_id: 'portal', client_secret: secret },
        redirect_uris: [`${publicUrl}/portal/signed-in`, `${consoleUrl}/console/signed-in`],
      },
    ],
    pkce: { required: () => true },
    claims: { openid: ['sub', organisationClaim, 'role', 'roles'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['a key for tests'] },
    findAccount: async (_: unknown, id: string) => ({
      accountId: id,
      claims: async () => ({
        sub: id,
        ...(id.startsWith('acme-') && { [organisationClaim]: 'acme' }),
        ...(id.startsWith('operator-') && { role: id.slice('operator-'.length) }),
        ...(id.startsWith('reader-') && { roles: ['reader', id.slice('reader-'.length)] }),
      }),
    }),
  })
  const server: Server = app.listen(issuerPort, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  if ((server.address() as AddressInfo).port !== issuerPort) throw new Error('another port')
  return {
    url,
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}

const program = browserProgram()

describe.skipIf(program === undefined)('a browser', () => {
  test('signs in at the provider, and comes back to the page that it wanted', async () => {
    const browser = await startBrowser(program ?? '')
    try {
      const { page } = await browser.open(`${publicUrl}/portal/keys`, false)
      await page.getByRole('link', { name: 'Sign in' }).click()
      await page.locator('[name=login]').fill('acme-nora')
      await page.locator('[name=password]').fill('anything')
      await page.locator('[type=submit]').click()
      await page.locator('[type=submit]').click() // consent
      await page.getByRole('heading', { level: 1, name: 'Keys' }).waitFor()
      expect(page.url()).toBe(`${publicUrl}/portal/keys`)
      await page.locator('header').getByText('acme', { exact: true }).waitFor()
      await page.getByRole('button', { name: 'Create a key' }).click()
      await page.getByLabel('Name').fill('Of the browser')
      await page.getByRole('button', { name: 'Create', exact: true }).click()
      const key = (await page.locator('dialog code').textContent()) ?? ''
      expect((await shop.post('/v1/search', { query: 'toll' }, { key })).status).toBe(200)
      const [account] = await shop.ledger.sql<{ kind: string; id: string }[]>`
        select owner_kind as kind, owner_id as id from account_state where owner_id = 'acme'`
      expect(account).toEqual({ kind: 'organisation', id: 'acme' })
    } finally {
      await browser.close()
    }
  })

  test('is told when the provider does not sign it in', async () => {
    const browser = await startBrowser(program ?? '')
    try {
      const { page } = await browser.open(`${publicUrl}/portal`, false)
      await page.getByRole('link', { name: 'Sign in' }).click()
      await page.getByText('Cancel').click()
      await page.getByText('did not sign you in').waitFor()
    } finally {
      await browser.close()
    }
  })
})

/** As the portal's own page asks, unless another site is said. */
const get = (path: string, cookie = '', site = 'same-origin') =>
  fetch(publicUrl + path, { redirect: 'manual', headers: { cookie, 'sec-fetch-site': site } })

/** Begins a sign-in. @returns the address of the provider, and the browser's cookie */
async function begin(query = '') {
  const response = await get(`/portal/sign-in${query}`)
  expect(response.status).toBe(303)
  const [cookie = ''] = response.headers.get('set-cookie')?.split(';') ?? []
  const begun = JSON.parse(Buffer.from(cookie.split('=')[1] ?? '', 'base64url').toString())
  return { cookie, begun, location: new URL(response.headers.get('location') ?? '') }
}

/** Goes through the provider's pages without a browser. @returns the address to which it sends the browser back */
async function passProvider(location: URL, login: string): Promise<URL> {
  const jar = new Map<string, string>()
  const ask = async (url: string, form?: Record<string, string>) => {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form && { method: 'POST', body: new URLSearchParams(form) }),
    })
    for (const cookie of response.headers.getSetCookie()) {
      const [pair = ''] = cookie.split(';')
      const at = pair.indexOf('=')
      jar.set(pair.slice(0, at), pair.slice(at + 1))
    }
    return response
  }
  let response = await ask(location.href)
  for (let step = 0; step < 12; step++) {
    const to = response.headers.get('location')
    if (to !== null && new URL(to, provider.url).pathname.endsWith('/signed-in')) return new URL(to)
    if (to !== null) response = await ask(new URL(to, provider.url).href)
    else {
      const page = await response.text()
      const action = /action="([^"]+)"/.exec(page)?.[1] ?? ''
      const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1] ?? ''
      response = await ask(new URL(action, provider.url).href, { prompt, login, password: 'x' })
    }
  }
  throw new Error('the provider did not send the browser back')
}

const sessionCookie = (response: Response) =>
  response.headers.getSetCookie().find((cookie) => cookie.startsWith('__Host-tollbook-portal='))

describe('a sign-in', () => {
  test.each(['cross-site', 'same-site', 'none', ''])(
    'is begun by no other page: %s',
    async (site) => {
      const response = await get('/portal/sign-in?to=/portal/keys', '', site)
      expect(response.headers.get('location')).toBe('/portal')
      expect(response.headers.get('set-cookie')).toBeNull()
    },
  )

  test('asks the provider with PKCE, state and nonce, and sends it the configured address', async () => {
    const { location, begun } = await begin()
    const asked = Object.fromEntries(location.searchParams)
    expect(asked).toMatchObject({
      ...{ client_id: 'portal', response_type: 'code', code_challenge_method: 'S256' },
      ...{ redirect_uri: `${publicUrl}/portal/signed-in`, state: begun.state, nonce: begun.nonce },
    })
    expect(location.href).not.toContain(begun.verifier)
  })

  test('gives a session of its own, whatever cookie the browser had', async () => {
    const { cookie, location } = await begin()
    const back = await passProvider(location, 'otto')
    const planted = `__Host-tollbook-portal=${'A'.repeat(43)}`
    const response = await get(back.pathname + back.search, `${cookie}; ${planted}`)
    expect([response.status, response.headers.get('location')]).toEqual([303, '/portal'])
    const session = sessionCookie(response)?.split(';')[0] ?? ''
    expect(session).not.toBe(planted)
    const headers = { cookie: session, 'sec-fetch-site': 'same-origin' }
    const who = await (await fetch(`${publicUrl}/portal/session`, { headers })).json()
    expect(who.session).toMatchObject({ subject: 'otto' })
    expect(who.session).not.toHaveProperty('organisation')
    // The code is used up.
    expect(sessionCookie(await get(back.pathname + back.search, cookie))).toBeUndefined()
  })

  test.each([
    '/portal/sign-in',
    '/portal/signed-in',
    '//evil.example',
    'https://evil.example/portal',
    '/portal/../../evil',
    '/portal//evil.example',
    '/portal\\evil',
    '/admin/accounts',
    'javascript:alert(1)',
  ])('leads to no page but the portal’s: %s', async (to) => {
    expect((await begin(`?to=${encodeURIComponent(to)}`)).begun.returnTo).toBe('/portal')
  })

  test('leads to no other page either where the cookie says so', async () => {
    const { begun, location } = await begin()
    const forged = { ...begun, returnTo: 'https://evil.example' }
    const value = Buffer.from(JSON.stringify(forged)).toString('base64url')
    const back = await passProvider(location, 'otto')
    const response = await get(back.pathname + back.search, `__Host-tollbook-sign-in=${value}`)
    expect(response.headers.get('location')).toBe('/portal')
  })

  test('ends without a session for a browser that did not begin it, or began another one', async () => {
    const { location } = await begin()
    const other = await begin()
    const back = await passProvider(location, 'otto')
    for (const cookie of [
      '',
      other.cookie,
      '__Host-tollbook-sign-in=x',
      `${other.cookie}; ${other.cookie}`,
    ]) {
      const response = await get(back.pathname + back.search, cookie)
      expect([response.status, response.headers.get('location')]).toEqual([
        303,
        '/portal#failed=refused',
      ])
      expect(sessionCookie(response)).toBeUndefined()
    }
  })

  test('says so when the provider cannot be reached', async () => {
    const away = await openShop({
      env: { PUBLIC_URL: publicUrl, OIDC_ISSUER: 'http://127.0.0.1:1', OIDC_CLIENT_ID: 'portal' },
    })
    const response = await fetch(`${away.gateway.url}/portal/sign-in`, {
      redirect: 'manual',
      headers: { 'sec-fetch-site': 'same-origin' },
    })
    expect(response.headers.get('location')).toBe('/portal#failed=unavailable')
    await away.close()
  })
})

describe('a sign-in to the console', () => {
  /** Signs in there as this user. @returns the last response, and the session's cookie */
  async function signInAtConsole(login: string) {
    const headers = { 'sec-fetch-site': 'same-origin' }
    const begun = await fetch(`${consoleUrl}/console/sign-in?to=/console/accounts`, {
      redirect: 'manual',
      headers,
    })
    const [cookie = ''] = begun.headers.get('set-cookie')?.split(';') ?? []
    const back = await passProvider(new URL(begun.headers.get('location') ?? ''), login)
    const response = await fetch(back, { redirect: 'manual', headers: { cookie } })
    const session = response.headers
      .getSetCookie()
      .find((text) => text.startsWith('__Host-tollbook-console='))
    return { location: response.headers.get('location'), session: session?.split(';')[0] }
  }

  test.each(['admin', 'support', 'auditor'])('is for whom the token names as %s', async (role) => {
    const { location, session = '' } = await signInAtConsole(`operator-${role}`)
    expect(location).toBe('/console/accounts')
    const headers = { cookie: session, 'sec-fetch-site': 'same-origin' }
    const who = await (await fetch(`${consoleUrl}/console/session`, { headers })).json()
    expect(who.session).toMatchObject({ subject: `operator-${role}`, role })
    expect((await fetch(`${consoleUrl}/admin/accounts`, { headers })).status).toBe(200)
  })

  test.each(['nora', 'acme-nora', 'operator-root'])('is for nobody else: %s', async (login) => {
    expect(await signInAtConsole(login)).toEqual({
      location: '/console#failed=not-operator',
      session: undefined,
    })
  })

  test.each(['auditor', 'admin'])(
    'as %s to the portal makes a reader of who is one, too',
    async (role) => {
      const { cookie, location } = await begin()
      const back = await passProvider(location, `reader-${role}`)
      const session = sessionCookie(await get(back.pathname + back.search, cookie))?.split(';')[0]
      const who = await (await get('/portal/session', session)).json()
      expect(who.session).toMatchObject({ subject: `reader-${role}`, role: 'reader' })
      expect((await signInAtConsole(`reader-${role}`)).location).toBe('/console/accounts')
    },
  )

  test('of an operator to the portal makes an owner of him', async () => {
    const { cookie, location } = await begin()
    const back = await passProvider(location, 'operator-admin')
    const session = sessionCookie(await get(back.pathname + back.search, cookie))?.split(';')[0]
    const headers = { cookie: session ?? '', 'sec-fetch-site': 'same-origin' }
    expect((await fetch(`${publicUrl}/admin/accounts`, { headers })).status).toBe(403)
    const who = await (await fetch(`${publicUrl}/portal/session`, { headers })).json()
    expect(who.session).toMatchObject({ subject: 'operator-admin' })
    expect(who.session).not.toHaveProperty('role')
  })
})
