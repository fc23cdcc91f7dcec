/**
 * Numbers at the bounds of integers, in every field and parameter that takes an integer. The fields are read from
 * the API documentation, so that a new one is tried too.
 */
import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { signToken } from '../../../src/http/auth/sign-token.ts'
import type { ApiDocument } from '../../support/api-document.ts'
import { openRawShop, type RawShop } from '../../support/raw-shop.ts'
import { newOperatorKey } from '../../support/route-requests.ts'
import { jwtSecret } from '../../support/running-gateway.ts'

const rawShop: RawShop = await openRawShop()
afterAll(() => rawShop.close())
afterEach(() => rawShop.expectServes())

const { url } = rawShop.shop.gateway
const document: ApiDocument = await (await fetch(`${url}/docs/json`)).json()
const authorization = `Bearer ${await signToken({
  ...{ secret: jwtSecret, subject: 'operator', role: 'admin', expiresInSeconds: 600 },
})}`

/** Each as JSON, with its value if it is an integer. */
const numbers: [text: string, value?: number][] = [
  ...[0, -1, 2 ** 53 - 1, 2 ** 53, 1e12, 1e13].map((n): [string, number] => [String(n), n]),
  ...[['-0', 0] as [string, number], ['1e2', 100] as [string, number]],
  ...[['9007199254740993', 2 ** 53 + 2] as [string, number]],
  ...[['9223372036854775807', 2 ** 63] as [string, number]],
  ...[['9223372036854775808', 2 ** 63] as [string, number]],
  ...['1e400', '-1e400', 'NaN', 'Infinity', '1.5', '1e-9', '010', '0x10'].map((n): [string] => [n]),
  ...['"1"', '"NaN"', 'true', '[1]', '{}'].map((n): [string] => [n]),
]

interface Schema {
  readonly type?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
}

/** The integers among the fields of a body, by their pointers. */
function integersIn(schema: Schema, pointer = ''): [pointer: string, schema: Schema][] {
  const itself = [schema, ...(schema.anyOf ?? [])].find(({ type }) => type === 'integer')
  if (itself) return [[pointer, itself]]
  return Object.entries(schema.properties ?? {}).flatMap(([name, part]) =>
    integersIn(part, `${pointer}/${name}`),
  )
}

function takes({ minimum = Number.NEGATIVE_INFINITY, maximum = Infinity }: Schema, value?: number) {
  return value !== undefined && value >= minimum && value <= maximum
}

/** The fields that a body needs beside the one that is tried. */
const others: Readonly<Record<string, object>> = {
  'post /api-keys': { name: 'A key' },
  'post /admin/accounts/{id}/grants': {
    ...{ credits: 1, kind: 'paid', paid: { minorUnits: 1, currency: 'EUR' } },
  },
  'post /admin/accounts/{id}/adjustments': { credits: 1 },
}

const operations = Object.entries(document.paths)
  .filter(([path]) => !path.startsWith('/v1/'))
  .flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
const fields = operations.flatMap(({ path, method, operation }) => {
  const content = operation.requestBody?.content['application/json']
  return integersIn((content?.schema ?? {}) as Schema).map(
    ([pointer, schema]) => [method, path, pointer, schema] as const,
  )
})
const parameters = operations.flatMap(({ path, method, operation }) =>
  (operation.parameters ?? [])
    .filter(
      ({ in: location, schema }) => location === 'query' && integersIn(schema as Schema).length > 0,
    )
    .map(({ name, schema }) => [method, path, name, schema as Schema] as const),
)

/** A new subject of each kind that a path can name. */
async function idFor(path: string): Promise<string> {
  const target = await rawShop.shop.newKey('pro')
  if (path.startsWith('/admin/accounts')) return target.account.accountId
  if (path.startsWith('/admin/charges')) {
    const sold = await rawShop.shop.post('/v1/search', { query: 'q' }, { key: target.text })
    return sold.headers.get('x-request-id') ?? ''
  }
  if (path.startsWith('/admin/operator-keys')) {
    const issued = await send('post', '/admin/operator-keys', JSON.stringify(newOperatorKey))
    return (await issued.json()).operatorKey.id
  }
  if (path.startsWith('/admin')) return target.keyId
  const issued = await send('post', '/api-keys', '{"name":"mine"}')
  return (await issued.json()).apiKey.id
}

function send(method: string, path: string, body?: string): Promise<Response> {
  const headers = { authorization, 'content-type': 'application/json' }
  const init = { method: method.toUpperCase(), headers }
  return fetch(url + path, body === undefined ? init : { ...init, body })
}

/** The body with this text at the pointer. */
function bodyWith(fields: object, pointer: string, text: string): string {
  const body = structuredClone(fields) as Record<string, unknown>
  const steps = pointer.split('/').slice(1)
  const last = steps.pop() ?? ''
  let part = body
  for (const step of steps) {
    part[step] ??= {}
    part = part[step] as Record<string, unknown>
  }
  part[last] = 'the number'
  return JSON.stringify(body).replace('"the number"', text)
}

test('there are such fields and parameters', () => {
  expect(fields.map(([method, path, pointer]) => `${method} ${path} ${pointer}`).sort()).toEqual(
    expect.arrayContaining([
      'patch /admin/accounts/{id} /limits/maxInFlight',
      'patch /admin/accounts/{id} /limits/rateLimit',
      'patch /admin/api-keys/{id} /monthlyCredits',
      'patch /admin/api-keys/{id} /rateLimit',
      'patch /api-keys/{id} /monthlyCredits',
      'post /admin/accounts/{id}/adjustments /credits',
      'post /admin/accounts/{id}/grants /credits',
      'post /admin/accounts/{id}/grants /paid/minorUnits',
      'post /admin/charges/{id}/refund /credits',
      'post /admin/operator-keys/{id}/rotate /graceSeconds',
      'post /api-keys /monthlyCredits',
      'post /api-keys/{id}/regenerate /graceSeconds',
    ]),
  )
  expect(parameters.length).toBeGreaterThan(2)
})

describe('a field gives 400 for every value but its integers, and never 500:', () => {
  for (const [method, path, pointer, schema] of fields) {
    test(`${method} ${path} ${pointer}`, async () => {
      const id = path.includes('{id}') ? await idFor(path) : ''
      for (const [text, value] of numbers) {
        const size = await rawShop.size()
        const body = bodyWith(others[`${method} ${path}`] ?? {}, pointer, text)
        const response = await send(method, path.replace('{id}', id), body)
        const json = await response.json()
        const where = `${text} is ${response.status}: ${json.detail}`
        if (takes(schema, value)) {
          // The state may still refuse it: it may be more than the account has, or than was charged.
          expect([200, 201, 400, 409], where).toContain(response.status)
          continue
        }
        expect(response.status, where).toBe(400)
        expect(json.code, where).toBe('invalid_request')
        expect(await rawShop.size(), where).toBe(size)
      }
    })
  }
})

describe('a parameter gives 400 for every value but its integers, and never 500:', () => {
  for (const [method, path, name, schema] of parameters) {
    test(`${method} ${path} ?${name}`, async () => {
      const id = path.includes('{id}') ? await idFor(path) : ''
      for (const [text, value] of numbers) {
        const query = `?${name}=${encodeURIComponent(text)}`
        const response = await send(method, path.replace('{id}', id) + query)
        const where = `${text} is ${response.status}`
        if (takes(schema, value)) expect(response.status, where).toBe(200)
        else expect(response.status, where).toBeOneOf([200, 400])
        if (value !== undefined && !takes(schema, value)) expect(response.status, where).toBe(400)
        await response.body?.cancel()
      }
    })
  }
})

describe('a call', () => {
  for (const [text, value] of numbers) {
    const fits = value !== undefined && value >= 1
    test(`is ${fits ? 200 : 400} with ${text} as a limit, and is forwarded only then`, async () => {
      rawShop.shop.upstream.respond(() => Response.json({ ok: true }))
      const body = `{"query":"q","options":{"limit":${text}}}`
      const response = await rawShop.shop.post('/v1/search', undefined, { body })
      expect(response.status).toBe(fits ? 200 : 400)
      expect(rawShop.shop.upstream.executed).toHaveLength(fits ? 1 : 0)
    })
  }
})

describe('sums', () => {
  test('of the largest grants are exact, to the last credit', async () => {
    const { account, text } = await rawShop.shop.newKey('pro')
    const path = `/admin/accounts/${account.accountId}`
    for (let grant = 0; grant < 3; grant++) {
      const body = '{"credits":1000000000000,"kind":"paid"}'
      expect((await send('post', `${path}/grants`, body)).status).toBe(201)
    }
    const sold = await rawShop.shop.post('/v1/search', { query: 'q' }, { key: text })
    expect(sold.headers.get('x-credits-remaining')).toBe('3000000004999')
    const { balance } = await (await send('get', path)).json()
    expect(balance.available).toBe(3_000_000_004_999)
  })

  test('of the largest adjustments are a debt that the next lots repay', async () => {
    const { account, text } = await rawShop.shop.newKey('pro')
    const path = `/admin/accounts/${account.accountId}`
    for (let taking = 0; taking < 2; taking++) {
      const taken = await send('post', `${path}/adjustments`, '{"credits":1000000000000}')
      expect(taken.status).toBe(201)
    }
    expect((await rawShop.shop.post('/v1/search', { query: 'q' }, { key: text })).status).toBe(402)
    for (let grant = 0; grant < 2; grant++) {
      const body = '{"credits":1000000000000,"kind":"promotional"}'
      expect((await send('post', `${path}/grants`, body)).status).toBe(201)
    }
    const sold = await rawShop.shop.post('/v1/search', { query: 'q' }, { key: text })
    expect(sold.headers.get('x-credits-remaining')).toBe('4999')
  })
})
