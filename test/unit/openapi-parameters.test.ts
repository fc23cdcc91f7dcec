/** Routes with parameters and several methods, as the API documentation has them. */
import { expect, test } from 'bun:test'
import { stringify } from 'yaml'
import { callsDocument } from '../../src/http/openapi/openapi-calls.ts'
import { parse, smallConfig } from '../support/small-config.ts'

const route = { summary: 'x', service: 'echo', price: { per: 'request', credits: 1 } }
const routes = {
  document: {
    ...{ ...route, methods: ['GET', 'HEAD', 'PUT'], path: '/v1/documents/{id}' },
    ...{ parameters: { id: { pattern: '^d', description: 'Its id.' } }, request: { json: {} } },
    query: { v: { type: 'integer', required: true }, lang: { enum: ['de', 'en'] } },
  },
  file: { ...route, method: 'GET', path: '/v1/files/{id}', conditional: true },
  login: {
    ...{ ...route, method: 'POST', path: '/v1/login', passStatuses: [401, 407] },
    chargeWhen: { status: [200, 401] },
  },
  tree: { ...route, method: 'GET', path: '/trees/{path*}', query: 'any' },
}
const config = parse(stringify({ routes }) + smallConfig.slice(0, smallConfig.indexOf('routes:')))
const { paths } = callsDocument(config)

test('each method is an operation with an id of its own, and only a PUT has a body', () => {
  const operations = Object.entries(paths['/v1/documents/{id}'] ?? {})
  expect(operations.map(([method, { operationId }]) => [method, operationId])).toEqual([
    ['get', 'getDocument'],
    ['head', 'headDocument'],
    ['put', 'putDocument'],
  ])
  expect(operations.filter(([, { requestBody }]) => requestBody).map(([name]) => name)).toEqual([
    'put',
  ])
  expect(paths['/v1/documents/{id}']?.head?.responses['200']).not.toHaveProperty('content')
})

test('parameters have their schemas, and examples that fit them', () => {
  expect(paths['/v1/documents/{id}']?.get?.parameters?.slice(0, 3)).toEqual([
    {
      ...{ name: 'id', in: 'path', required: true, description: 'Its id.' },
      schema: {
        ...{ type: 'string', minLength: 1, maxLength: 200 },
        ...{ pattern: '^d', description: 'Its id.' },
      },
    },
    { name: 'v', in: 'query', required: true, schema: { type: 'integer' }, example: 1 },
    ...[
      { name: 'lang', in: 'query', required: false, schema: { enum: ['de', 'en'] }, example: 'de' },
    ],
  ])
})

test('of a tail it says what OpenAPI cannot, and of any query that it is forwarded', () => {
  const [path, query] = paths['/trees/{path}']?.get?.parameters ?? []
  expect(path).toMatchObject({ name: 'path', in: 'path', required: true })
  expect(path?.description).toContain('it can have several segments')
  expect(query).toMatchObject({ in: 'query', required: false, schema: { type: 'object' } })
})

test('a conditional route lists the headers that ask for a part, and others do not', () => {
  const headersOf = (path: string) =>
    (paths[path]?.get?.parameters ?? []).flatMap((one) => (one.in === 'header' ? one.name : []))
  expect(headersOf('/v1/files/{id}')).toEqual([
    ...['Idempotency-Key', 'Range', 'If-Range', 'If-None-Match', 'If-Modified-Since'],
    ...['If-Match', 'If-Unmodified-Since'],
  ])
  expect(headersOf('/v1/documents/{id}')).toEqual(['Idempotency-Key'])
})

test('successes other than 200, and refusals that the route passes on, are there', () => {
  const { responses } = paths['/v1/login']?.post ?? {}
  expect(responses?.['2XX']?.description).toEndWith('Charged are 200, 401.')
  expect(responses?.['401']?.description).toEndWith(
    "upstream's own refusal, passed on and charged.",
  )
  expect(responses?.['407']?.description).toEndWith('passed on uncharged.')
  expect(responses?.['402']?.description).not.toContain('passed on')
  expect(paths['/v1/documents/{id}']?.get?.responses['2XX']?.description).toEndWith('and charged.')
})
