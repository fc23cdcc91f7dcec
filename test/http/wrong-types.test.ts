/**
 * Whatever a request has where something else is expected, it is refused by name and nothing fails. The requests are made
 * from the API documentation: every field of every body, every parameter, and the headers, of every route of the gateway's
 * own. What fits the documentation may be taken; what does not is 400, and so is a text with control or format characters.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { signToken } from '../../src/http/auth/sign-token.ts'
import type { Operation } from '../../src/http/openapi/openapi-types.ts'
import { isMapping } from '../../src/lib/is-mapping.ts'
import { type ApiDocument, checkDocument, type DocumentCheck } from '../support/api-document.ts'
import { newOperatorKey, requests, type Subject } from '../support/route-requests.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { openShop, type Shop } from '../support/shop.ts'

let shop: Shop
let check: DocumentCheck
let subject: Subject
let tokens: Readonly<Record<'owner' | 'admin', string>>
beforeAll(async () => {
  shop = await openShop()
  const document = await (await fetch(`${shop.gateway.url}/docs/json`)).json()
  check = checkDocument(document as ApiDocument)
  const token = (role?: string) =>
    signToken({ secret: jwtSecret, subject: 'olga', role, expiresInSeconds: 600 })
  tokens = { owner: await token(), admin: await token('admin') }
  const made = await ask('post', '/api-keys', tokens.owner, JSON.stringify({ name: 'Subject' }))
  const { apiKey } = (await made.json()) as { apiKey: { id: string; accountId: string } }
  const charge = async () => {
    const sold = await shop.post('/v1/search', { query: 'toll' })
    return sold.headers.get('x-request-id') ?? ''
  }
  const operatorKey = async () => {
    const made = await ask(
      ...(['post', '/admin/operator-keys', tokens.admin] as const),
      JSON.stringify(newOperatorKey),
    )
    return ((await made.json()) as { operatorKey: { id: string } }).operatorKey.id
  }
  const { id: keyId, accountId } = apiKey
  subject = { accountId, keyId, charge, undelivered: charge, operatorKey }
})
afterAll(() => shop.close())

/**
 * The routes of the gateway's own that the documentation has, as route-requests.ts names them. Those of the portal are pages, and sessions,
 * which take what its own pages send alone.
 */
const routes = Object.keys(requests).filter(
  (route) => !/\?| \/(docs|health|ready|portal)| \/v1\/(search|extract|stt|tts)/.test(route),
)

/** As JSON, so that there is a `__proto__` that is a name. */
/** As JSON. What a text that is stored may not have. */
const unprintableTexts = [
  '"a\\u0007"',
  '"\\u001b[2J"',
  '"a\\nb"',
  '"\\u202ea"',
  '"a\\u200bb"',
  '"\\u009b1m"',
]

const wrongValues = [
  ...unprintableTexts,
  ...['null', 'true', '0', '-1', '1.5', '1e300', '9007199254740993', '""', '"x"'],
  ...['[]', '[null]', '["x"]', '[[]]', '[{"toString":1}]', '{}', '{"x":1}', '{"length":1}'],
  ...['{"toString":1}', '{"valueOf":1,"toString":null}', '{"toJSON":1}', '{"then":1}'],
  ...['{"__proto__":{"x":1}}', '{"constructor":{"prototype":{}}}', '{"hasOwnProperty":1}'],
  ...[JSON.stringify('x'.repeat(5_000)), `${'{"a":'.repeat(50)}1${'}'.repeat(50)}`],
]

const hostileNames = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty', 'toJSON'],
  ...['then', 'length', '$ref', '', ' ', 'name ', 'a/b', 'a~b', '0'],
]

/** Texts where an id, a number, a word or a time is expected. */
const wrongTexts = [
  ...['', ' ', 'x', '-1', '1.5', '1e3', '0x1', 'NaN', 'null', 'undefined', '[]', '{}', '[1]'],
  ...['{"toString":1}', '__proto__', 'constructor', 'toString', "'", '"', '\\', '%', '\u0000'],
  ...['\u202e', '🦄', '٣', 'x'.repeat(3_000), '2026-13-45', '0-99999999999999999999'],
  ...['Etc/../UTC', '../..', '9'.repeat(400)],
]

for (const route of routes) {
  const [method = '', template = ''] = route.split(' ')
  describe(route, () => {
    test('a body with anything at any of its fields, and with any name', async () => {
      const { find } = check
      const { path, json = {} } = await requestOf(route)
      const operation = find(method, pathnameOf(path))
      const schema = operation.requestBody?.content['application/json']?.schema
      const bodies = schema === undefined ? ['{"x":1}'] : bodiesFor(schema, json)
      for (const body of bodies) {
        expect(body).not.toContain(mark)
        await expectHandled(route, path, body, schema)
      }
    })

    test('a query with anything at any of its parameters, once, twice, and of any name', async () => {
      const { path } = await requestOf(route)
      const operation = check.find(method, pathnameOf(path))
      const names = parametersIn(operation, 'query')
      const queries = [
        ...names.flatMap((name) => wrongTexts.map((text) => query([name, text]))),
        ...names.map((name) => query([name, '1'], [name, '2'])),
        ...names.map((name) => `?${name}[]=1&${name}[toString]=1&${name}`),
        ...hostileNames.map((name) => query([name, '1'])),
        ...['?%', '?%ff=%ff', '?&&&==', '?a[__proto__][b]=1'],
      ]
      for (const text of queries) await expectHandled(route, pathnameOf(path) + text)
    })

    test('a parameter of the query that is refused is named by its place', async () => {
      const { path } = await requestOf(route)
      const names = parametersIn(check.find(method, pathnameOf(path)), 'query')
      for (const name of names) {
        for (const text of ['0', '-1', '1e9', 'x', '\u0000', '2026-13-45']) {
          const target = pathnameOf(path) + query([name, text])
          const response = await ask(method, target, tokenFor(template))
          if (response.status !== 400) continue
          const { errors } = (await response.json()) as { errors: { pointer: string }[] }
          expect([target, errors.map(({ pointer }) => pointer)]).toEqual([
            target,
            [`query/${name}`],
          ])
        }
      }
    })

    test('a path with anything at any of its parameters', async () => {
      const names = [...template.matchAll(/:(\w+)/g)].map(([, name]) => name ?? '')
      const { path } = await requestOf(route)
      const given = pathnameOf(path).split('/')
      for (const name of names) {
        const at = template.split('/').indexOf(`:${name}`)
        for (const text of wrongTexts) {
          const steps = given.with(at, encodeURIComponent(text))
          await expectHandled(route, steps.join('/'))
        }
      }
    })

    test('headers with anything', async () => {
      const { path } = await requestOf(route)
      const names = ['authorization', 'content-type', 'x-api-key', 'accept', 'idempotency-key']
      for (const name of names) {
        for (const value of [
          '',
          '{"toString":1}',
          '[]',
          '__proto__',
          'Bearer',
          'Bearer a b',
          '\u00ff',
        ]) {
          await expectHandled(route, path, undefined, undefined, { [name]: value })
        }
      }
    })
  })
}

test('the gateway warned of nothing', () => {
  expect(shop.gateway.warnings).toEqual([])
})

async function requestOf(route: string) {
  return (await requests[route]?.(subject)) ?? { path: '' }
}

function pathnameOf(path: string): string {
  return path.split('?')[0] ?? ''
}

function parametersIn({ parameters = [] }: Operation, location: string): string[] {
  return parameters.filter((each) => each.in === location).map(({ name }) => name)
}

function query(...pairs: [string, string][]): string {
  return `?${new URLSearchParams(pairs)}`
}

/** The valid body with each of its fields replaced by each wrong value, then with one more field of each hostile name. */
function bodiesFor(schema: unknown, valid: object): string[] {
  const replaced = fieldsOf(schema, []).flatMap((path) =>
    wrongValues.map((value) => JSON.stringify(withMark(valid, path)).replace(mark, () => value)),
  )
  const named = hostileNames.flatMap((name) =>
    ['1', '{"toString":1}'].map(
      (value) => `{${JSON.stringify(name)}:${value},${JSON.stringify(valid).slice(1)}`,
    ),
  )
  return [...replaced, ...named.map((body) => body.replace(',}', '}')), ...wrongValues]
}

const mark = JSON.stringify('\u0001')

/** The paths of all fields, those of nested objects and the first entries of lists among them. */
function fieldsOf(schema: unknown, path: string[]): string[][] {
  if (!isMapping(schema)) return []
  const { properties, items, anyOf } = schema
  const inner = [
    ...Object.entries(isMapping(properties) ? properties : {}).map(
      ([name, part]) => [name, part] as const,
    ),
    ...(isMapping(items) ? [['0', items] as const] : []),
  ]
  return [
    ...inner.flatMap(([name, part]) => [[...path, name], ...fieldsOf(part, [...path, name])]),
    ...(Array.isArray(anyOf) ? anyOf.flatMap((part) => fieldsOf(part, path)) : []),
  ]
}

function withMark(valid: unknown, [name, ...rest]: string[]): unknown {
  if (name === undefined) return '\u0001'
  if (name === '0') return [withMark(undefined, rest)]
  const fields = isMapping(valid) ? valid : {}
  return { ...fields, [name]: withMark(fields[name], rest) }
}

/** Sends the request; expects no failure, and 400 where the body does not fit its schema. */
async function expectHandled(
  route: string,
  path: string,
  body?: string,
  schema?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const [method = '', template = ''] = route.split(' ')
  const response = await ask(method, path, tokenFor(template), body, headers)
  const text = await response.text()
  const what = [route, path, body, response.status, text.slice(0, 200)]
  if (response.status >= 500) expect(what).toEqual(['no failure'])
  if (
    schema !== undefined &&
    body !== undefined &&
    !fits(schema, body) &&
    response.status !== 400
  ) {
    expect(what).toEqual(['a refusal with 400'])
  }
  if (response.status === 400) expect(JSON.parse(text)).toMatchObject({ code: 'invalid_request' })
}

/** None for what takes an API key. */
function tokenFor(template: string): string | undefined {
  if (template.startsWith('/v1/')) return undefined
  return template.startsWith('/admin/') ? tokens.admin : tokens.owner
}

function fits(schema: unknown, body: string): boolean {
  return check.faults(schema, JSON.parse(body)).length === 0
}

function ask(
  method: string,
  path: string,
  token: string | undefined,
  body?: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const headers = new Headers({
    ...(token === undefined
      ? { 'x-api-key': shop.key.text }
      : { authorization: `Bearer ${token}` }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  })
  for (const [name, value] of Object.entries(more)) headers.set(name, value)
  return fetch(shop.gateway.url + path, {
    method,
    headers,
    ...(body !== undefined && method !== 'GET' && { body }),
  })
}
