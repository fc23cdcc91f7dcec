/**
 * Texts that PostgreSQL, UTF-8 or JavaScript treat in a special way: NUL, half a surrogate pair, bytes that are not
 * text, and names that every object has. They never cause a 500: in bodies, paths, queries, forms and tokens.
 */
import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { signToken } from '../../../src/http/auth/sign-token.ts'
import type { ApiDocument } from '../../support/api-document.ts'
import { openRawShop, type RawShop } from '../../support/raw-shop.ts'
import { jwtSecret } from '../../support/running-gateway.ts'

const rawShop: RawShop = await openRawShop()
afterAll(() => rawShop.close())
afterEach(async () => {
  await rawShop.expectServes()
  rawShop.shop.upstream.respond(() => Response.json({ ok: true }))
})

const { url } = rawShop.shop.gateway
const document: ApiDocument = await (await fetch(`${url}/docs/json`)).json()
const token = (subject: string) =>
  signToken({ secret: jwtSecret, subject, role: 'admin', expiresInSeconds: 600 })
const authorization = `Bearer ${await token('operator')}`

function send(method: string, path: string, body?: BodyInit, headers: object = { authorization }) {
  const init = { method, headers: { 'content-type': 'application/json', ...headers } }
  return fetch(url + path, body === undefined ? init : { ...init, body })
}

/** Each as JSON. */
const unkept = ['"a\\u0000b"', '"\\ud800"', '"\\udc00\\ud800"', '"a\\ud83d"']

interface Schema {
  readonly type?: string
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
}

/** The texts among the fields of a body, by their pointers. */
function textsIn(schema: Schema, pointer = ''): string[] {
  const kinds = [schema, ...(schema.anyOf ?? [])]
  if (kinds.some(({ type }) => type === 'string')) return [pointer]
  return kinds.flatMap(({ items, properties }) => [
    ...(items ? textsIn(items, `${pointer}/0`) : []),
    ...Object.entries(properties ?? {}).flatMap(([name, part]) =>
      textsIn(part, `${pointer}/${name}`),
    ),
  ])
}

/** A body with this JSON at the pointer. */
function bodyWith(pointer: string, text: string): string {
  return pointer
    .split('/')
    .slice(1)
    .reduceRight((body, step) => (step === '0' ? `[${body}]` : `{"${step}":${body}}`), text)
}

const operations = Object.entries(document.paths)
  .filter(([path]) => !path.startsWith('/v1/search') && !path.startsWith('/v1/extract'))
  .flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...{ path, operation, method: method.toUpperCase() },
    })),
  )

describe('400, and nothing is appended: in a body, a text that cannot be stored', () => {
  // A sign-in by a link is refused before its body is read, unless it is one of its own page (portal-sessions.test.ts).
  const fields = operations
    .filter(({ path }) => !path.startsWith('/portal/'))
    .filter(({ path }) => !path.startsWith('/v1/'))
    .flatMap(({ path, method, operation }) => {
      const schema = operation.requestBody?.content['application/json']?.schema
      return textsIn((schema ?? {}) as Schema).map((pointer) => [method, path, pointer] as const)
    })
  test('there are such fields', () => expect(fields.length).toBeGreaterThan(20))

  for (const [method, path, pointer] of fields) {
    test(`${method} ${path} ${pointer}`, async () => {
      const size = await rawShop.size()
      for (const text of unkept) {
        const response = await send(method, path.replace('{id}', 'acc_1'), bodyWith(pointer, text))
        expect([text, response.status]).toEqual([text, 400])
        expect((await response.json()).errors).toMatchObject([{ pointer }])
      }
      expect(await rawShop.size()).toBe(size)
    })
  }
})

describe('in a call: 400, and nothing is forwarded:', () => {
  const bodies = [
    ...unkept.map((text) => `{"query":${text}}`),
    ...unkept.map((text) => `{"query":"q","options":{"language":${text}}}`),
    ...unkept.map((text) => `{"query":"q",${text}:1}`),
    '{"query":"q","__proto__":{"limit":1}}',
    '{"query":"q","options":{"__proto__":{"limit":1}}}',
    '{"query":"q","constructor":{"prototype":{"limit":1}}}',
    '{"__proto__":{"query":"q"}}',
    '{"query":"q","\\u005f_proto__":{}}',
    '{"query":"a","query":"b"}',
    '{"query":"a","que\\u0072y":"b"}',
    '\ufeff{"query":"q"}',
    '{"query":"q"}\0',
  ]
  for (const body of bodies) {
    test(JSON.stringify(body), async () => {
      const response = await rawShop.shop.post('/v1/search', undefined, { body })
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({ code: 'invalid_request' })
      expect(rawShop.shop.upstream.executed).toEqual([])
      expect(({} as { limit?: number }).limit).toBeUndefined()
    })
  }

  for (const name of ['a\0b', '__proto__', 'file\0']) {
    test(`a form with a field ${JSON.stringify(name)}`, async () => {
      const part = (name: string, more: string) =>
        `--b\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\nx\r\n`
      const body = `${part('file', '; filename="a.mp3"\r\nContent-Type: audio/mpeg')}${part(name, '')}--b--\r\n`
      const headers = { 'content-type': 'multipart/form-data; boundary=b' }
      const init = { method: 'POST', body, headers }
      expect((await rawShop.shop.fetch('/v1/stt/transcribe', init)).status).toBe(400)
      expect(rawShop.shop.upstream.executed).toEqual([])
    })
  }
})

describe('in management: 400 for names that every object has, and for a name that occurs twice', () => {
  const bodies = [
    '{"name":"x","__proto__":{"tier":"pro"}}',
    '{"name":"x","constructor":{"prototype":{"tier":"pro"}}}',
    '{"name":"x","toString":1}',
    '{"__proto__":{"name":"x"}}',
    '{"name":"x","name":"y"}',
  ]
  for (const body of bodies) {
    test(body, async () => {
      const size = await rawShop.size()
      expect((await send('POST', '/api-keys', body)).status).toBe(400)
      expect(await rawShop.size()).toBe(size)
      expect(({} as { tier?: string }).tier).toBeUndefined()
    })
  }
})

describe('a text that can be stored comes back as it was sent:', () => {
  for (const name of [
    '__proto__',
    '\uffff\ue000\u0378',
    '😀'.repeat(100),
    "'; drop table events; --",
  ]) {
    test(JSON.stringify(name), async () => {
      const response = await send('POST', '/api-keys', JSON.stringify({ name }))
      expect(response.status).toBe(201)
      const { apiKey } = await response.json()
      const read = await (await send('GET', `/api-keys/${apiKey.id}`)).json()
      expect(read.apiKey.name).toBe(name)
    })
  }
})

const odd = ['%00', '%ff', '%ed%a0%80', '%', '%2', '%c0%80', 'a%00b', '__proto__', 'constructor']

describe('in a path: 400 or 404, and never 500:', () => {
  const paths = operations.filter(({ path }) => path.includes('{'))
  for (const { path, method } of paths) {
    test(`${method} ${path}`, async () => {
      for (const id of odd) {
        const target = path.replace(/\{\w+\}/, id)
        const key = path.startsWith('/v1/')
          ? `X-API-Key: ${rawShop.shop.key.text}`
          : `Authorization: ${authorization}`
        const { statuses } = await rawShop.send(
          `${method} ${target} HTTP/1.1\r\nHost: g\r\n${key}\r\n\r\n`,
        )
        expect(statuses[0], target).toBeOneOf([400, 404])
      }
    })
  }
})

describe('in a query: never 500:', () => {
  const parameters = operations.flatMap(({ path, method, operation }) =>
    (operation.parameters ?? [])
      .filter((parameter) => parameter.in === 'query')
      .map(({ name }) => [method, path, name] as const),
  )
  test('there are such parameters', () => expect(parameters.length).toBeGreaterThan(10))

  for (const [method, path, name] of parameters) {
    test(`${method} ${path} ?${name}`, async () => {
      for (const text of odd) {
        const target = `${path.replace(/\{\w+\}/, 'key_1')}?${name}=${text}`
        const { statuses } = await rawShop.send(
          `${method} ${target} HTTP/1.1\r\nHost: g\r\nAuthorization: ${authorization}\r\n\r\n`,
        )
        expect(statuses[0], target).toBeOneOf([200, 400, 404])
      }
    })
  }
})

describe('in an Idempotency-Key: 400, nothing is forwarded, and no permit is taken:', () => {
  const permitsLeft = async () =>
    (await (await rawShop.shop.fetch('/v1/key')).json()).rateLimit.remaining
  for (const name of ['', '\xff', 'a b', 'x'.repeat(256)]) {
    test(JSON.stringify(name).slice(0, 12), async () => {
      const before = await permitsLeft()
      const { statuses } = await rawShop.send(
        Buffer.from(
          `POST /v1/search HTTP/1.1\r\nHost: g\r\nX-API-Key: ${rawShop.shop.key.text}\r\n` +
            `Idempotency-Key: ${name}\r\nContent-Type: application/json\r\n` +
            'Content-Length: 13\r\n\r\n{"query":"q"}',
          'latin1',
        ),
      )
      expect(statuses).toEqual([400])
      expect(rawShop.shop.upstream.executed).toEqual([])
      expect(await permitsLeft()).toBe(before)
    })
  }
})

describe('in a token: 401', () => {
  for (const subject of ['a\0b', '\ud800', '', 'x'.repeat(1_000)]) {
    test(`for the subject ${JSON.stringify(subject).slice(0, 12)}`, async () => {
      const size = await rawShop.size()
      const headers = { authorization: `Bearer ${await token(subject)}` }
      expect((await send('POST', '/api-keys', '{"name":"x"}', headers)).status).toBe(401)
      expect(await rawShop.size()).toBe(size)
    })
  }
})
