/** How much one owner can have of everything that management keeps, and ask of it at once. */
import { afterAll, describe, expect, test } from 'bun:test'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { openShop } from '../support/shop.ts'

const shop = await openShop({ config: { limits: { maxKeysPerAccount: 3 } } })
afterAll(() => shop.close())

async function ask(subject: string, method: string, path: string, json?: object) {
  const token = await signToken({ secret: jwtSecret, subject, expiresInSeconds: 60 })
  const response = await fetch(shop.gateway.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(json && { body: JSON.stringify(json) }),
  })
  // biome-ignore lint/suspicious/noExplicitAny: read as programs without types do.
  return { status: response.status, json: (await response.json()) as any }
}

const issue = (subject: string, more: object = {}) =>
  ask(subject, 'POST', '/api-keys', { name: 'A key', ...more })

test('an account has a bounded number of keys that are not revoked', async () => {
  const ids: string[] = []
  for (let n = 0; n < 3; n++) {
    const { status, json } = await issue('ann')
    expect(status).toBe(201)
    ids.push(json.apiKey.id)
  }
  const refused = await issue('ann')
  expect(refused.status).toBe(409)
  expect(refused.json.code).toBe('conflict')
  expect(refused.json.detail).toContain('revoke one')
  expect((await issue('ben')).status).toBe(201)

  expect((await ask('ann', 'DELETE', `/api-keys/${ids[0]}`)).status).toBe(200)
  expect((await issue('ann')).status).toBe(201)
  expect((await issue('ann')).status).toBe(409)
})

describe('a key’s document is small, since every change of it is written whole:', () => {
  const addresses = (count: number) => Array.from({ length: count }, (_, n) => `10.0.0.${n}/32`)

  test('a hundred addresses are taken, and one more is not', async () => {
    const { status, json } = await issue('cleo', { allowedIps: addresses(100) })
    expect(status).toBe(201)
    const path = `/api-keys/${json.apiKey.id}`
    const refused = await ask('cleo', 'PATCH', path, { allowedIps: addresses(101) })
    expect(refused.status).toBe(400)
    expect(refused.json.errors).toEqual([
      {
        pointer: '/allowedIps',
        detail: 'expected a list of at most 100 IP addresses and CIDR ranges',
      },
    ])
  })

  test('the largest document that is taken makes an event of less than 20 kB', async () => {
    const longest = 'abcd:ef01:2345:6789:abcd:ef01:123.123.123.123/128'
    const { status, json } = await issue('dan', {
      name: '語'.repeat(200),
      description: '語'.repeat(2_000),
      allowedIps: Array(100).fill(longest),
    })
    expect(status).toBe(201)
    const [row] = await shop.ledger.sql<[{ bytes: number }]>`
      select pg_column_size(e.*) as bytes from events e
      where key_id = ${json.apiKey.id} and type = 'KeyIssued'`
    expect(row.bytes).toBeWithin(10_000, 20_000)
  })
})

describe('usage is asked for a year at a time', () => {
  const days = async (path: string, role?: string) => {
    const token = await signToken({ secret: jwtSecret, subject: 'eve', role, expiresInSeconds: 60 })
    const headers = { authorization: `Bearer ${token}` }
    return (await fetch(shop.gateway.url + path, { headers })).status
  }

  test('by owners', async () => {
    const { json } = await issue('eve')
    const path = `/api-keys/${json.apiKey.id}/usage`
    expect(await days(`${path}?from=2029-01-01&to=2029-12-31`)).toBe(200)
    expect(await days(`${path}?from=2029-01-01&to=2030-01-02`)).toBe(400)
    expect(await days(`${path}?from=1970-01-01`)).toBe(400)
  })

  test('by operators', async () => {
    for (const path of ['/admin/usage/summary', '/admin/usage/top-users']) {
      expect(await days(`${path}?from=2029-01-01&to=2029-12-31`, 'admin')).toBe(200)
      expect(await days(`${path}?from=2020-01-01`, 'admin')).toBe(400)
    }
  })
})
