/** Signing in by an identity provider, through a whole gateway: whoever is away, clients learn whether to try again. */
import { afterAll, expect, test } from 'bun:test'
import { type ApiDocument, checkDocument } from '../support/api-document.ts'
import { openIdentityProvider } from '../support/identity-provider.ts'
import { openShop } from '../support/shop.ts'
import { until } from '../support/until.ts'

const provider = await openIdentityProvider()
provider.setOutage('error')
const shop = await openShop({
  env: { JWKS_URL: provider.url, JWT_ISSUER: 'https://id.example' },
  config: { roleClaim: 'realm_access.roles' },
})
afterAll(async () => {
  await shop.close()
  await provider[Symbol.asyncDispose]()
})
const { url } = shop.gateway

async function ask(path: string, claims: object): Promise<Response> {
  const token = await provider.sign({ sub: 'alice', iss: 'https://id.example', ...claims })
  return fetch(url + path, { headers: { authorization: `Bearer ${token}` } })
}

test('while the provider is away, clients are told to try again, and then they sign in', async () => {
  const document = (await (await fetch(`${url}/docs/json`)).json()) as ApiDocument
  const refused = await ask('/api-keys', {})
  expect(refused.status).toBe(503)
  expect(refused.headers.get('retry-after')).toBe('5')
  const problem = await checkDocument(document).expectDocumented('GET', '/api-keys', refused)
  expect(problem).toMatchObject({ code: 'sign_in_unavailable' })

  provider.setOutage('none')
  await until(async () => (await ask('/api-keys', {})).status === 200)
})

test('the roles of its tokens are those of the configured claim', async () => {
  const operator = { realm_access: { roles: ['admin'] } }
  expect((await ask('/admin/api-keys', operator)).status).toBe(200)
  expect((await ask('/admin/api-keys', { roles: ['admin'] })).status).toBe(403)
})

test('the gateway warns at its start of an audience that nobody checks', () => {
  const [warning] = shop.gateway.warnings
  expect(warning).toStartWith('JWKS_URL is set without JWT_AUDIENCE: ')
})

test('why a token is not accepted stands in the log, at most once a second, and the token does not', async () => {
  const token = await provider.sign({ sub: 'alice', iss: 'https://other.example' })
  const headers = { authorization: `Bearer ${token}` }
  const before = shop.gateway.notes.length
  const fault = 'iss: expected \\"https://id.example\\", got \\"https://other.example\\"'
  await until(async () => {
    const refused = await fetch(`${url}/api-keys`, { headers })
    expect([refused.status, await refused.text()]).toEqual([
      401,
      expect.not.stringContaining('iss'),
    ])
    return shop.gateway.notes.slice(before).some((note) => note.includes(fault))
  })
  const noted = shop.gateway.notes.filter((note) => note.startsWith('a token was not accepted'))
  expect(noted.length).toBeGreaterThan(0)
  expect(noted.join()).not.toContain(token.split('.')[2] as string)
  const [seconds, lines] = [performance.now(), shop.gateway.notes.length]
  for (let i = 0; i < 20; i++) await ask('/api-keys', { iss: `https://${i}.example` })
  const passed = Math.ceil((performance.now() - seconds) / 1_000)
  expect(shop.gateway.notes.length - lines).toBeLessThanOrEqual(passed + 1)
})
