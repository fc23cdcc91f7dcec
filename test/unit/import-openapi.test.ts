/** What becomes of an OpenAPI document as a configuration, and what is said of the rest. */
import { describe, expect, test } from 'bun:test'
import { stringify } from 'yaml'
import { importOpenApi } from '../../src/config/import/import-openapi.ts'
import { ImportError } from '../../src/config/import/openapi-document.ts'
import { callsDocument } from '../../src/http/openapi/openapi-calls.ts'
import { parse } from '../support/small-config.ts'

type Given = Record<string, unknown>

const price = { per: 'request', credits: 2 }

function imported(document: Given, options: { prefix?: string; price?: unknown } = {}) {
  const text = JSON.stringify({ openapi: '3.0.3', info: { title: 'Pets' }, ...document })
  const { yaml, report } = importOpenApi({
    text,
    source: 'pets.json',
    service: 'pets',
    price,
    ...options,
  })
  return { yaml, report, config: parse(yaml) }
}

/** The one route of an operation, `GET /v1/pets` unless it says otherwise. */
function routeOf(operation: Given, { path = '/v1/pets', method = 'get', ...document } = {}) {
  const { config, report } = imported({ ...document, paths: { [path]: { [method]: operation } } })
  const [route] = Object.values(config.routes)
  if (!route) throw new Error(JSON.stringify(report.leftOut))
  return { route, report, notes: report.notes.map(({ what }) => what) }
}

const withQuery = (...parameters: Given[]) =>
  routeOf({ parameters: parameters.map((each) => ({ in: 'query', name: 'q', ...each })) })

const withBody = (content: Given, more: Given = {}) =>
  routeOf({ requestBody: { content, required: true, ...more } }, { method: 'post' })

/** A schema of the document as the request of a route has it. */
function converted(schema: unknown, openapi = '3.0.3') {
  const body = { required: true, content: { 'application/json': { schema } } }
  const { config, report } = imported({
    openapi,
    paths: { '/v1/pets': { post: { requestBody: body } } },
  })
  const { request } = Object.values(config.routes)[0] ?? {}
  if (!request || !('json' in request)) throw new Error('no JSON')
  return { schema: request.json, notes: report.notes.map(({ what }) => what) }
}

describe('a document', () => {
  const document = {
    openapi: '3.0.3',
    info: { title: 'Pets' },
    servers: [{ url: 'https://{host}/v2/', variables: { host: { default: 'pets.example' } } }],
    paths: {
      '/pets': { get: { operationId: 'pets/list', summary: 'All of them' }, post: {} },
      '/pets/{id}': { get: { operationId: 'pets/list' } },
    },
  }

  test('is a file that can be used at once: services, a plan, and a route for each operation', () => {
    const { config, yaml } = imported(document)
    expect(config.services.pets).toMatchObject({
      urlEnv: 'PETS_URL',
      urls: ['https://pets.example/v2'],
    })
    expect(config.defaultPlan).toBe('standard')
    expect(config.plans.standard?.endpoints).toBe('all')
    expect(Object.keys(config.routes)).toEqual(['pets-list', 'post-pets', 'pets-list-2'])
    expect(config.routes['pets-list']).toMatchObject({
      ...{ methods: ['GET'], path: '/pets', summary: 'All of them', price },
      target: { kind: 'upstream', service: 'pets', path: '/pets' },
    })
    expect(config.routes['post-pets']?.summary).toBe('POST /pets')
    expect(yaml).toStartWith('# Imported from pets.json: Pets (OpenAPI 3.0.3): 3 of 3 operations.')
  })

  test('keeps the names of its operations for clients, where each is one, free, and not made of the id', () => {
    const { config } = imported({
      ...document,
      paths: {
        '/a': { get: { operationId: 'petById' }, post: { operationId: 'addPet' } },
        '/b': { get: { operationId: 'PETBYID' }, put: { operationId: 'getAccount' } },
        '/c': { get: { operationId: 'pets/list' } },
      },
    })
    const kept = Object.values(config.routes).map(({ id, operationId }) => [id, operationId])
    expect(kept).toEqual([
      ['petById', 'petById'],
      ['addPet', undefined],
      ['PETBYID-2', undefined],
      ['getAccount', undefined],
      ['pets-list', undefined],
    ])
  })

  test('says the same in YAML', () => {
    const options = { source: 'pets.json', service: 'pets', price }
    const json = importOpenApi({ ...options, text: JSON.stringify(document) })
    expect(importOpenApi({ ...options, text: stringify(document) })).toEqual(json)
  })

  test('of large size has its schemas as JSON, and says the same', () => {
    const description = 'It is "long": # and {odd}.\u2028'.repeat(200)
    const properties = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [`p${i}`, { type: 'string', description }]),
    )
    const schema = { type: 'object', properties }
    const content = { 'application/json': { schema } }
    const { config } = imported({
      paths: { '/v1/a': { post: { requestBody: { content, required: true } } } },
    })
    expect(config.routes['post-v1-a']?.request).toEqual({ json: schema })
  })

  test.each([
    ['{"swagger": "2.0"}', 'Swagger 2.0: convert it first'],
    ['openapi: 4.0.0', 'is OpenAPI 4.0.0; versions 3.0 and 3.1 are read'],
    ['title: nothing', 'has no field `openapi`'],
    ['openapi: 3.1.0\npaths: {}', 'no paths with operations'],
    ['- a list', 'no mapping'],
    ['a: [', 'neither JSON nor YAML'],
    ['openapi: &a 3.0.0\npaths: &p { /a: { get: { parameters: [*p] } } }', undefined],
  ])('%p', (text, said) => {
    const run = () => importOpenApi({ text, source: 'x', service: 'x', price })
    if (said === undefined) expect(run().report.routes).toBe(1)
    else expect(run).toThrow(said)
  })

  test('with a price that is none is refused', () => {
    const run = () => imported(document, { price: { per: 'request', credits: 1, free: 1 } })
    expect(run).toThrow(ImportError)
    expect(run).toThrow('the price cannot be used: price.free: unknown field')
  })

  test('cannot smuggle anything into the file by its texts', () => {
    const evil = 'x\nroutes: {}\r\n\u2028schemas: {} # "\'\\ \u001b[31m'
    const { config, yaml, report } = imported({
      info: { title: evil },
      paths: {
        '/v1/a': {
          get: { operationId: evil, summary: evil, parameters: [{ name: evil, in: 'query' }] },
        },
        [`/v1/${evil}`]: { get: { servers: [{ url: `https://h.example/${evil}` }] } },
      },
      components: { securitySchemes: { k: { type: 'apiKey', in: 'header', name: evil } } },
    })
    expect(Object.keys(config.routes)).toHaveLength(1)
    expect(report.leftOut).toHaveLength(1)
    expect(`${yaml}${JSON.stringify(report)}`.replaceAll('\n', '')).not.toMatch(/\p{Cc}|\u2028/u)
    expect(yaml.split('\n').filter((line) => line.startsWith('routes:'))).toHaveLength(1)
  })
})

describe('an operation is left out, with the reason,', () => {
  const reasonsOf = (paths: Given, options = {}) =>
    imported({ paths: { '/v1/ok': { get: {} }, ...paths } }, options).report.leftOut.map(
      ({ operation, reason }) => `${operation}: ${reason}`,
    )

  test.each([
    [
      { '/v1/a': { get: { responses: { 302: {}, 404: {} } } } },
      'GET /v1/a: it responds with a redirect, and redirects do not cross the gateway',
    ],
    [{ '/v1/a': { options: {} } }, 'OPTIONS /v1/a: a route has no method OPTIONS'],
    [{ '/v1/key': { get: {} } }, 'GET /v1/key: /v1/key is served by the gateway itself'],
    [{ '/': { get: {} } }, 'GET /: expected a path that begins with a name'],
    [
      { '/v1/{a}{b}': { get: {} } },
      'GET /v1/{a}{b}: two parameters of {a}{b} have nothing between',
    ],
    [{ '/v1/a#b': { get: {} } }, 'GET /v1/a#b: expected a path such as /v1/search'],
    [
      { '/v1/{a}-x': { get: {} }, '/v1/x-{a}': { get: {} } },
      'GET /v1/x-{a}: /v1/x-{a} can mean the same path as /v1/{a}-x, with equal right',
    ],
  ])('%j', (paths, reason) => {
    expect(reasonsOf(paths).join('\n')).toInclude(reason)
  })

  test('unless it stands under a prefix', () => {
    const { config, report } = imported(
      { paths: { '/v1/key': { get: {} }, '/': { get: {} } } },
      { prefix: '/pets' },
    )
    expect(report.leftOut).toEqual([])
    const paths = Object.values(config.routes).map(({ path, target }) => [
      path,
      target.kind === 'upstream' && target.path,
    ])
    expect(paths).toEqual([
      ['/pets/v1/key', '/v1/key'],
      ['/pets', '/'],
    ])
  })

  test('when the price cannot be its price', () => {
    const perCharacter = { per: 'character', unit: 1, credits: 1, hold: { text: '/text' } }
    const { leftOut } = importOpenApi({
      ...{ source: 'x', service: 'x', price: perCharacter },
      text: JSON.stringify({ openapi: '3.0.0', paths: { '/v1/a': { get: {} } } }),
    }).report
    expect(leftOut).toHaveLength(1)
  })
})

describe('a path', () => {
  const pathOf = (path: string, parameters: Given[] = []) => {
    const { route } = routeOf(
      { parameters: parameters.map((each) => ({ in: 'path', ...each })) },
      { path },
    )
    return { ...route, upstreamPath: route.target.kind === 'upstream' ? route.target.path : '' }
  }

  test('has the schemas of its parameters, under names that they can have', () => {
    const { path, upstreamPath, parameters } = pathOf('/v2/pets/{pet.id}', [
      { name: 'pet.id', schema: { type: 'integer' }, description: 'Which', example: 7 },
    ])
    expect([path, upstreamPath]).toEqual(['/v2/pets/{pet-id}', '/v2/pets/{pet-id}'])
    expect(parameters['pet-id']).toEqual({ type: 'integer', description: 'Which', examples: [7] })
  })

  test('that ends with a slash ends so on the upstream’s side alone', () => {
    expect(pathOf('/v2/pets/')).toMatchObject({ path: '/v2/pets', upstreamPath: '/v2/pets/' })
  })

  test.each([
    ['/v2/{+rest}', {}, '/v2/{rest*}'],
    ['/v2/{rest}', { 'x-multi-segment': true }, '/v2/{rest*}'],
  ])('%p with %j has a tail', (written, more, path) => {
    expect(pathOf(written, [{ name: 'rest', ...more }]).path).toBe(path)
  })

  test('whose parameter has slashes in the middle takes them encoded', () => {
    const route = pathOf('/v2/{a}/b', [{ name: 'a', 'x-multi-segment': true }])
    expect(route).toMatchObject({ path: '/v2/{a}/b', encodedSlash: true })
  })

  test('that ends with a tail in one operation only has none, so that both take their calls', () => {
    const many = { parameters: [{ name: 'a', in: 'path', 'x-multi-segment': true }] }
    const { config } = imported({ paths: { '/v2/{a}': { get: many, delete: {} } } })
    const { 'get-v2-a': get, 'delete-v2-a': other } = config.routes
    expect(get).toMatchObject({ path: '/v2/{a}', encodedSlash: true })
    expect(other).toMatchObject({ path: '/v2/{a}', encodedSlash: false })
  })

  test('is one path, whatever each of its operations calls the parameters', () => {
    const { config } = imported({
      paths: { '/v2/{a}': { get: {} }, '/v2/{b}/': { delete: {} }, '/v2/{b}/x': { get: {} } },
    })
    const paths = Object.values(config.routes).map(({ path }) => path)
    expect(paths).toEqual(['/v2/{a}', '/v2/{a}', '/v2/{b}/x'])
  })
})

describe('a parameter of the query', () => {
  const queryOf = (parameter: Given) => {
    const { query } = withQuery(parameter).route
    return query === 'any' || query === undefined
      ? query
      : (query.properties as Record<string, Given>).q
  }

  test.each([
    [{ schema: { type: 'integer', minimum: 1 } }, { type: 'integer', minimum: 1 }],
    [{ schema: { type: 'string', nullable: true } }, { type: 'string' }],
    [{}, {}],
    [{ content: { 'application/json': {} } }, { type: 'string' }],
    [
      { schema: { type: 'array', items: { enum: ['a', 'b'] } } },
      { type: 'array', items: { enum: ['a', 'b'], type: 'string' } },
    ],
    [{ explode: false, schema: { type: 'array', items: {} } }, { type: 'string' }],
    [
      { schema: { oneOf: [{ type: 'integer' }, { type: 'string' }] } },
      { type: ['string', 'integer'] },
    ],
    [{ schema: { allOf: [{ type: 'integer', minimum: 3 }] } }, { type: 'integer', minimum: 3 }],
    [
      { schema: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'integer' } }] } },
      { type: 'array', items: { type: 'string' } },
    ],
    [{ schema: { type: 'integer', enum: ['1', '2'] } }, { type: 'integer', enum: [1, 2] }],
    [{ schema: { type: 'string', enum: [1, null] } }, { type: 'string', enum: ['1'] }],
    [{ style: 'deepObject', schema: { type: 'object' } }, 'any'],
    [{ schema: { type: 'object' } }, 'any'],
  ])('%j', (parameter, expected) => {
    expect(queryOf(parameter)).toEqual(expected as never)
  })

  test('says whether it is required, and examples that stand beside its schema', () => {
    const { query } = withQuery({ required: true, schema: { type: 'string' }, example: 'x' }).route
    expect(query).toMatchObject({
      required: ['q'],
      properties: { q: { type: 'string', examples: ['x'] } },
    })
  })

  test('that is an object is its fields', () => {
    const schema = { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'string' } } }
    const { query } = withQuery({ schema }).route
    expect(query).toMatchObject({ properties: { a: { type: 'integer' }, b: { type: 'string' } } })
  })

  test('stands at the path for all its operations, and each can say another', () => {
    const { config } = imported({
      components: {
        parameters: { page: { name: 'page', in: 'query', schema: { type: 'integer' } } },
      },
      paths: {
        '/v1/a': {
          parameters: [{ $ref: '#/components/parameters/page' }],
          get: {},
          post: { parameters: [{ name: 'page', in: 'query', schema: { type: 'string' } }] },
        },
      },
    })
    const types = Object.values(config.routes).map(({ query }) => JSON.stringify(query))
    expect(types[0]).toInclude('integer')
    expect(types[1]).toInclude('string')
  })

  test('that cannot be carried over is said', () => {
    expect(withQuery({ style: 'deepObject' }).notes[0]).toInclude('`query: any`')
    expect(withQuery({ in: 'cookie' }).notes).toEqual(['cookies do not cross the gateway'])
    expect(withQuery({ in: 'header', name: 'X-Forwarded-For' }).notes[0]).toInclude(
      'does not cross',
    )
    expect(withQuery({ in: 'header', name: 'Accept-Language' }).notes).toEqual([])
    expect(withQuery({ in: 'header', name: 'If-None-Match' }).route.conditional).toBe(true)
    expect(routeOf({ parameters: [{ $ref: 'other.yaml#/p' }] }).notes[0]).toInclude('leads nowhere')
  })
})

describe('a body', () => {
  const object = { type: 'object', properties: { a: { type: 'integer' } } }

  test.each([
    ['application/json', object, { json: object }],
    ['application/json; charset=utf-8', object, { json: object }],
    ['*/*', object, { json: object }],
    [
      'application/x-www-form-urlencoded',
      object,
      { form: expect.objectContaining({ properties: object.properties }) },
    ],
    ['text/plain', { type: 'string' }, { raw: ['text/plain'] }],
    ['application/merge-patch+json', object, { raw: ['application/merge-patch+json'] }],
    ['*/*', { type: 'string', format: 'binary' }, { any: true }],
    [
      'application/x-www-form-urlencoded',
      { type: 'object', properties: { a: object } },
      { raw: ['application/x-www-form-urlencoded'] },
    ],
    [
      'multipart/form-data',
      { type: 'object', properties: { a: {} } },
      { raw: ['multipart/form-data'] },
    ],
  ])('of %s', (type, schema, expected) => {
    expect(withBody({ [type]: { schema } }).route.request).toEqual(expected as never)
  })

  test('of a form with files has them by name', () => {
    const properties = {
      picture: { type: 'string', format: 'binary' },
      more: { type: 'string', format: 'binary' },
      note: { type: 'string' },
    }
    const schema = { type: 'object', required: ['picture', 'note'], properties }
    const encoding = { picture: { contentType: 'image/png, image/jpeg' } }
    const { request } = withBody({ 'multipart/form-data': { schema, encoding } }).route
    expect(request).toMatchObject({
      multipart: {
        files: {
          picture: { types: ['image/png', 'image/jpeg'], optional: false },
          more: { optional: true },
        },
        fields: { required: ['note'], properties: { note: { type: 'string' } } },
      },
    })
  })

  test.each([
    [undefined, false],
    [false, false],
    [true, true],
    [{ type: 'string' }, true],
  ])('of a form with files takes other fields where its schema says so: %j', (given, expected) => {
    const properties = { picture: { type: 'string', format: 'binary' } }
    const schema = { type: 'object', properties, additionalProperties: given }
    const request = withBody({ 'multipart/form-data': { schema } }).route.request as {
      multipart: { fields: { additionalProperties?: unknown } }
    }
    expect(request.multipart.fields.additionalProperties).toBe(expected)
  })

  test('of several kinds is JSON, where that is one of them', () => {
    const { route, notes } = withBody({ 'text/plain': {}, 'application/json': { schema: object } })
    expect(route.request).toEqual({ json: object })
    expect(notes).toEqual(['of several kinds of body, only JSON is taken'])
    expect(withBody({ 'text/plain': {}, 'image/png': {} }).route.request).toEqual({
      raw: ['text/plain', 'image/png'],
    })
  })

  test('that may be missing', () => {
    const json = withBody({ 'application/json': { schema: object } }, { required: false })
    expect(json.notes[0]).toInclude('a body has to be sent')
    expect(withBody({ 'text/plain': {} }, { required: false }).route.request).toEqual({ any: true })
  })

  test('of a GET is not forwarded, which is said where it has fields', () => {
    const requestBody = { content: { 'application/json': { schema: object } } }
    const { route, notes } = routeOf({ requestBody })
    expect(route.request).toBeUndefined()
    expect(notes).toEqual(['the body of a GET is not forwarded'])
  })

  test('has its example', () => {
    const content = {
      'application/json': { schema: object, examples: { one: { value: { a: 7 } } } },
    }
    expect(withBody(content).route.request).toEqual({ json: { ...object, examples: [{ a: 7 }] } })
  })
})

describe('a response', () => {
  const responseOf = (responses: Given) => routeOf({ responses }).route.response

  test('is the first success', () => {
    const json = { content: { 'application/json': { schema: { type: 'integer' } } } }
    expect(responseOf({ 404: {}, 201: json })).toEqual({ json: { type: 'integer' } })
    expect(responseOf({ 200: { content: { 'image/png': {} } } })).toEqual({ binary: 'image/png' })
    expect(responseOf({ 204: { description: 'Done' } })).toBeUndefined()
  })

  test('that is a stream of events is said', () => {
    const responses = { 200: { content: { 'text/event-stream': {} } } }
    expect(routeOf({ responses }).notes[0]).toInclude('a stream of events')
  })
})

describe('a schema of OpenAPI 3.0', () => {
  test.each([
    [{ type: 'string', nullable: true }, { type: ['string', 'null'] }],
    [
      { type: 'string', nullable: true, enum: ['a'] },
      { type: ['string', 'null'], enum: ['a', null] },
    ],
    [
      { nullable: true, allOf: [{ type: 'object' }] },
      { anyOf: [{ allOf: [{ type: 'object' }] }, { type: 'null' }] },
    ],
    [
      { required: ['a', 'b'], properties: { a: true }, additionalProperties: false },
      { required: ['a'], properties: { a: true }, additionalProperties: false },
    ],
    [{ minimum: 1, exclusiveMinimum: true }, { exclusiveMinimum: 1 }],
    [{ maximum: 1, exclusiveMaximum: false }, { maximum: 1 }],
    [
      { type: 'string', example: 'x' },
      { type: 'string', examples: ['x'] },
    ],
    [
      { type: 'object', required: ['a'], properties: { a: { readOnly: true } } },
      { type: 'object', properties: { a: { readOnly: true } } },
    ],
    [
      { oneOf: [{ type: 'object' }], discriminator: { propertyName: 'x' }, xml: {}, 'x-y': 1 },
      { oneOf: [{ type: 'object' }] },
    ],
    [{ type: 'object', required: true, minLength: -1, enum: [], allOf: [] }, { type: 'object' }],
    [{ else: {}, minContains: 1, format: 'date-time' }, { format: 'date-time' }],
    [
      { type: 'object', properties: { nullable: { type: 'boolean' } } },
      { type: 'object', properties: { nullable: { type: 'boolean' } } },
    ],
  ])('%j', (given, expected) => {
    expect(converted(given).schema).toEqual(expected as never)
  })
})

describe('a schema', () => {
  test('of OpenAPI 3.1 is JSON Schema already', () => {
    const schema = {
      type: ['string', 'null'],
      exclusiveMinimum: 1,
      examples: ['a'],
      if: { minLength: 1 },
      else: { maxLength: 3 },
      prefixItems: [true],
    }
    expect(converted(schema, '3.1.0').schema).toEqual(schema)
  })

  test.each([
    [{ pattern: '^\\-$' }, 'a pattern is not checked, because JavaScript does not understand it'],
    [{ format: 'iban' }, 'the format iban is not checked'],
    [{ magic: 1 }, 'the keyword magic of a schema is not carried over'],
    [{ $ref: 'pets.yaml#/Pet' }, 'a schema refers to another document: anything is taken'],
    [
      { $ref: '#/components/schemas/None' },
      'a schema refers to what is not there: anything is taken',
    ],
  ])('that has %j is looser, which is said', (given, note) => {
    expect(converted(given)).toEqual({ schema: {}, notes: [note] })
  })

  test('that Ajv refuses takes anything, which is said', () => {
    const Odd = { properties: { ab: {} }, patternProperties: { '^a': {} } }
    const { config, report } = imported({
      components: { schemas: { Odd } },
      paths: {
        '/v1/a': {
          post: {
            requestBody: {
              required: true,
              content: { 'application/json': { schema: { $ref: '#/components/schemas/Odd' } } },
            },
          },
        },
      },
    })
    expect(config.schemas).toEqual({ Odd: {} })
    expect(report.notes[0]?.what).toStartWith('a schema is not understood, so anything is taken:')
  })

  test('that is shared stands once, with what it refers to and nothing else', () => {
    const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })
    const { config } = imported({
      components: {
        schemas: {
          'io.pets.Pet': {
            type: 'object',
            properties: { friend: ref('io.pets.Pet'), name: ref('Name') },
          },
          Name: { type: 'string' },
          Unused: { type: 'string' },
        },
      },
      paths: {
        '/v1/a': {
          get: {
            responses: { 200: { content: { 'application/json': { schema: ref('io.pets.Pet') } } } },
          },
        },
      },
    })
    expect(Object.keys(config.schemas ?? {}).toSorted()).toEqual(['Name', 'io-pets-Pet'])
    const { schemas } = callsDocument(config)
    expect(schemas['io-pets-Pet']).toMatchObject({
      properties: { friend: { $ref: '#/components/schemas/io-pets-Pet' } },
    })
  })
})

describe('a service', () => {
  test('is there for each server', () => {
    const { config } = imported({
      servers: [{ url: 'https://a.example' }],
      paths: { '/v1/a': { get: {}, post: { servers: [{ url: 'https://b.example' }] } } },
    })
    expect(Object.entries(config.services).map(([name, { urls }]) => [name, urls[0]])).toEqual([
      ['pets', 'https://a.example'],
      ['pets-2', 'https://b.example'],
    ])
  })

  test('without a host has its address in the environment, and the path at each route', () => {
    const { config } = imported({ servers: [{ url: '/api' }], paths: { '/v1/a': { get: {} } } })
    expect(config.services.pets?.urls).toEqual([])
    expect(config.routes['get-v1-a']).toMatchObject({
      path: '/v1/a',
      target: { path: '/api/v1/a' },
    })
  })

  test.each([
    [
      { type: 'http', scheme: 'bearer' },
      "headers: { Authorization: { env: PETS_TOKEN, prefix: 'Bearer ' } }",
    ],
    [
      { type: 'http', scheme: 'Basic' },
      "headers: { Authorization: { env: PETS_TOKEN, prefix: 'Basic ' } }",
    ],
    [{ type: 'apiKey', in: 'header', name: 'X-Token' }, 'headers: { X-Token: { env: PETS_KEY } }'],
    [{ type: 'apiKey', in: 'query', name: 'key' }, 'query: { key: { env: PETS_KEY } }'],
  ])('that asks for %j is told of', (scheme, line) => {
    const { report, yaml } = imported({
      components: { securitySchemes: { one: scheme } },
      paths: { '/v1/a': { get: {} } },
    })
    expect(report.credentials).toEqual([`services.pets.${line}`])
    const commented = yaml.split('\n').find((each) => each.includes('It seems to need'))
    const [, field = '', value = ''] = /services\.pets\.(\w+): (.*)$/.exec(commented ?? '') ?? []
    const filled = yaml.replace(
      'pets: { urlEnv: PETS_URL',
      `pets: { ${field}: ${value}, urlEnv: PETS_URL`,
    )
    expect(parse(filled).services.pets?.[field as 'headers' | 'query']).not.toEqual({})
  })
})
