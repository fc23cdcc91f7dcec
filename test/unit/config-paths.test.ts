/** What is wrong with the path, the methods and the query of a route is said when the configuration is read. */
import { describe, expect, test } from 'bun:test'
import { stringify } from 'yaml'
import { ConfigError, printProblem } from '../../src/config/config-error.ts'
import { parse, smallConfig } from '../support/small-config.ts'

type Fields = Readonly<Record<string, unknown>>

const text = (...routes: Fields[]) => {
  const all = routes.map((fields, index): [string, Fields] => [
    `r${index}`,
    {
      ...(fields.methods === undefined && { method: 'GET' }),
      ...{ path: '/v1/a/{id}', summary: 'x', service: 'echo' },
      ...{ price: { per: 'request', credits: 1 }, ...fields },
    },
  ])
  return (
    smallConfig.slice(0, smallConfig.indexOf('routes:')) +
    stringify({ routes: Object.fromEntries(all) })
  )
}

function problemsOf(...routes: Fields[]): string[] {
  try {
    parse(text(...routes))
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map((problem) =>
      printProblem({ ...problem, path: problem.path.replace(/^routes\.r/, '') }),
    )
  }
}

describe('a route', () => {
  test.each([
    [{ path: '/v1/a/{id' }, '0.path: { is not closed in {id, got "/v1/a/{id"'],
    [
      { path: '/v1/a/{x}{y}' },
      '0.path: two parameters of {x}{y} have nothing between them, got "/v1/a/{x}{y}"',
    ],
    [
      { path: '/{a}/b' },
      '0.path: expected a path that begins with a name, such as /v1, got "/{a}/b"',
    ],
    [
      { path: '/v1:x/b' },
      '0.path: expected a path that begins with a name, such as /v1, got "/v1:x/b"',
    ],
    [{ path: '/' }, '0.path: expected a path that begins with a name, such as /v1, got "/"'],
    [{ path: '/v1/a/:id/b' }, '0.path: :id would be taken literally: a parameter is written {id}'],
    [
      { upstreamPath: '/b/:id' },
      '0.upstreamPath: :id would be taken literally: a parameter is written {id}',
    ],
    [{ upstreamPath: '/b/{ib}' }, '0.upstreamPath: {ib} is no parameter of path'],
    [{ upstreamPath: '/b/{id*}' }, '0.upstreamPath: expected {id}, as in path'],
    [
      { path: '/v1/a/{rest*}', upstreamPath: '/b/{rest}' },
      '0.upstreamPath: expected {rest*}, as in path',
    ],
    [{ parameters: { ib: {} } }, '0.parameters.ib: no parameter of the path, did you mean id?'],
    [{ path: '/v1/a', parameters: { id: {} } }, '0.parameters.id: the path has no parameters'],
    [
      { parameters: { id: { type: 'array' } } },
      '0.parameters.id: a parameter of a path is a string, an integer, a number or a boolean',
    ],
    [
      { parameters: { id: { type: 'object' } } },
      '0.parameters.id: a parameter of a path is a string, an integer, a number or a boolean',
    ],
    [
      { parameters: { id: { maxLenght: 5 } } },
      '0.parameters.id.maxLenght: no keyword of JSON Schema, did you mean maxLength?',
    ],
    [
      { path: '/v1/a', encodedSlash: true },
      '0.encodedSlash: has no effect on a path without parameters',
    ],
    [
      { query: 'all' },
      '0.query: expected any or a mapping such as { q: { type: string } }, got "all"',
    ],
    [
      { query: { q: { type: 'object' } } },
      '0.query.q: a query carries texts, numbers, true and false, or lists of them',
    ],
    [{ query: { q: { required: ['x'] } } }, '0.query.q.required: expected true or false'],
    [{ methods: ['GET', 'PUT', 'GET'] }, '0.methods: names something twice'],
    [{ methods: [] }, '0.methods: expected a list that is not empty, got a list'],
    [
      { methods: ['GET', 'FETCH'] },
      '0.methods[1]: expected GET, HEAD, POST, PUT, PATCH or DELETE, got "FETCH"',
    ],
    [
      { method: 'GET', methods: ['GET'] },
      '0.methods: stands beside `method`: name all methods here',
    ],
    [
      { method: undefined },
      '0.method: missing, a route has a `method`, or `methods` where there are several',
    ],
    [{ methods: ['GET', 'HEAD'], request: { json: {} } }, '0.request: a GET takes no body'],
  ])('%p', (fields, problem) => {
    expect(problemsOf(fields)).toEqual([problem])
  })
})

describe('two routes', () => {
  test.each([
    ['/v1/a/{id}', '/v1/a/{id}', '1.path: GET /v1/a/{id} is routes.r0 already'],
    [
      '/v1/a/{id}',
      '/v1/a/{name}',
      '1.path: /v1/a/{name} is /v1/a/{id} with other names of its parameters, which is routes.r0 already',
    ],
    [
      '/v1/a/p-{id}',
      '/v1/a/{id}-s',
      '1.path: /v1/a/{id}-s can mean the same path as /v1/a/p-{id}, with equal right, which is routes.r0 already',
    ],
  ])('%s and %s', (first, second, problem) => {
    expect(problemsOf({ path: first }, { path: second })).toEqual([problem])
  })

  test.each([
    ['/v1/a/{id}', '/v1/a/new'],
    ['/v1/a/{id}', '/v1/a/{id}:make'],
    ['/v1/a/{id}', '/v1/a/{rest*}'],
    ['/v1/a/{id}/b', '/v1/a/c/{name}'],
  ])('%s and %s, of which one has precedence, are fine', (first, second) => {
    expect(problemsOf({ path: first }, { path: second })).toEqual([])
  })

  test('of one path and other methods are fine', () => {
    expect(problemsOf({}, { methods: ['PUT', 'DELETE'] })).toEqual([])
    expect(problemsOf({ methods: ['GET', 'PUT'] }, { methods: ['PUT'] })).toEqual([
      '1.path: PUT /v1/a/{id} is routes.r0 already',
    ])
  })
})

test('parameters are texts of 1 to 200 characters, a tail of 1,000, unless they say otherwise', () => {
  const { r0 } = parse(
    text({
      path: '/v1/a/{x}/{y}/{z}/{rest*}',
      parameters: { y: { pattern: '^a' }, z: { enum: ['p', 'q'] } },
    }),
  ).routes
  expect(r0?.parameters).toEqual({
    x: { type: 'string', minLength: 1, maxLength: 200 },
    y: { type: 'string', minLength: 1, maxLength: 200, pattern: '^a' },
    z: { enum: ['p', 'q'] },
    rest: { type: 'string', minLength: 1, maxLength: 1000 },
  })
  expect(r0?.target).toMatchObject({ path: '/v1/a/{x}/{y}/{z}/{rest*}' })
})

describe('a price', () => {
  const character = (source: unknown) => ({
    price: { per: 'character', unit: 1, credits: 1, hold: { text: source } },
  })
  const item = (source: unknown) => ({ price: { per: 'item', credits: 1, hold: { list: source } } })

  test.each([
    [character({ parameter: 'id' })],
    [{ ...character({ query: 'q' }), query: { q: { type: 'string', required: true } } }],
    [{ ...item({ query: 'q' }), query: { q: { type: 'array', required: true } } }],
  ])('finds what it counts: %p', (fields) => {
    expect(problemsOf(fields)).toEqual([])
  })

  test.each([
    [character({ parameter: 'ib' }), '0.price.hold.text: the path has no parameter ib'],
    [
      { ...character({ parameter: 'id' }), parameters: { id: { type: 'integer' } } },
      '0.price.hold.text: parameter id must be a required string',
    ],
    [character({ query: 'q' }), '0.price.hold.text: the query has no parameter q that is checked'],
    [
      { ...character({ query: 'q' }), query: 'any' },
      '0.price.hold.text: the query has no parameter q that is checked',
    ],
    [
      { ...character({ query: 'q' }), query: { q: { type: 'string' } } },
      '0.price.hold.text: query q must be a required string',
    ],
    [
      { ...item({ query: 'q' }), query: { q: { type: 'string', required: true } } },
      '0.price.hold.list: query q must be a required array',
    ],
    [
      {
        ...character('/text'),
        methods: ['GET', 'PUT'],
        request: {
          json: { type: 'object', required: ['text'], properties: { text: { type: 'string' } } },
        },
      },
      '0.price.hold.text: is counted in the body, and a GET has none',
    ],
    [
      { methods: ['GET', 'HEAD'], chargeWhen: { pointer: '/ok', equals: true } },
      "0.chargeWhen.pointer: is read in the response's body, and a HEAD has none",
    ],
  ])('would not find what it counts: %p', (fields, problem) => {
    expect(problemsOf(fields)).toEqual([problem])
  })

  test('of a text in the URL is bounded by its length', () => {
    const costly = (fields: Fields) => ({
      ...fields,
      price: { per: 'character', unit: 1, credits: 10 ** 10, hold: { text: { parameter: 'id' } } },
    })
    expect(problemsOf(costly({}))[0]).toContain('can cost more than 1,000,000,000,000 credits')
    expect(problemsOf(costly({ parameters: { id: { maxLength: 100 } } }))).toEqual([])
  })
})

describe('a map', () => {
  const body = { method: 'POST', request: { json: {} } }

  test('takes values of the path and the query', () => {
    const map = { model: { parameter: 'id' }, lang: { query: 'lang', default: 'en' }, text: 'text' }
    expect(problemsOf({ ...body, query: { lang: {} }, map })).toEqual([])
  })

  test.each([
    [{ model: { parameter: 'x' } }, '0.map.model: the path has no parameter x'],
    [{ model: { query: 'x' } }, '0.map.model: the query has no parameter x that is checked'],
    [{ model: {} }, '0.map.model: expected exactly one of from, parameter or query'],
  ])('%p', (map, problem) => {
    expect(problemsOf({ ...body, map })).toEqual([problem])
  })
})
