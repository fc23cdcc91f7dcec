/** The OpenAPI document is valid and complete. */
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { validate } from '@readme/openapi-parser'
import { Validator } from '@seriousme/openapi-schema-validator'
import type { Config } from '../../src/config/config.ts'
import { ownOperationIds } from '../../src/config/operation-ids.ts'
import { refusals } from '../../src/problems/refusal.ts'
import { type AppDeps, createApp } from '../../src/server/app.ts'
import { type ApiDocument, checkDocument } from '../support/api-document.ts'
import { parse, smallConfig, withChange } from '../support/small-config.ts'
import { testConfig } from '../support/test-config.ts'

/** The whole app; only its documentation is requested. */
function appOf(config: Config) {
  const deps = {
    config,
    system: {},
    calls: { customer: {} },
    management: {},
    corsOrigins: ['https://shop.example'],
  }
  return createApp(deps as unknown as AppDeps)
}

async function documentOf(config: Config): Promise<ApiDocument> {
  const response = await appOf(config).handle(new Request('http://localhost/docs/json'))
  expect(response.headers.get('content-type')).toBe('application/json')
  return (await response.json()) as ApiDocument
}

const config = testConfig()
const document = await documentOf(config)
const { operations, find, responseOf, faults } = checkDocument(document)

/** The small configuration with another body. */
function withBody(request: string): string {
  const [own = ''] = /request: .*/.exec(smallConfig) ?? []
  return withChange(own, `request: ${request}`)
}

/** The errors that two independent validators find. */
async function validated(document: ApiDocument): Promise<unknown[]> {
  const byParser = await validate(structuredClone(document) as never)
  const bySchema = await new Validator().validate(structuredClone(document) as never)
  return [
    ...(byParser.valid ? byParser.warnings : byParser.errors),
    ...(bySchema.valid ? [] : [bySchema.errors]),
  ]
}

describe('the document', () => {
  test('is valid OpenAPI 3.1 for two validators', async () => {
    expect(document.openapi).toBe('3.1.0')
    expect(await validated(document)).toEqual([])
  })

  test('is valid with bodies of every kind', async () => {
    const kinds = [
      'any',
      '{ json: any }',
      '{ form: { text: { type: string }, n: { type: array, items: { type: integer } } }, required: [text] }',
      '{ multipart: { files: { a: { types: [image/*] }, b: { types: [a/b], optional: true } }, maxBytes: 9 } }',
      '{ raw: [image/*, text/csv] }',
    ]
    for (const kind of kinds) {
      const ofKind = await documentOf(parse(withBody(kind)))
      expect([kind, await validated(ofKind)]).toEqual([kind, []])
    }
  })

  test('is not valid for both when a response has no description', async () => {
    const faulty = structuredClone(document) as { paths: ApiDocument['paths'] }
    Object.assign(faulty.paths['/health']?.get ?? {}, { responses: { 200: {} } })
    expect(await validated(faulty as ApiDocument)).toHaveLength(2)
  })

  test('describes every route of the app and of the configuration, and no other', () => {
    const own = appOf(config)
      .routes.map(
        ({ method, path }) => `${method.toLowerCase()} ${path.replace(/:(\w+)/g, '{$1}')}`,
      )
      .filter((route) => !/^options |\*$| \/docs| \/portal(?!\/session)/.test(route))
    const configured = Object.values(config.routes).flatMap(({ methods, path }) =>
      methods.map((method) => `${method.toLowerCase()} ${path}`),
    )
    expect(operations.map(([where]) => where).sort()).toEqual([...own, ...configured].sort())
  })

  test('names every operation once, and every tag that is used', () => {
    const ids = operations.map(([, { operationId }]) => operationId)
    expect(new Set(ids).size).toBe(ids.length)
    const used = new Set(operations.flatMap(([, { tags }]) => tags))
    expect([...used].sort()).toEqual(document.tags.map(({ name }) => name).sort())
    for (const [where, { summary, description }] of operations) {
      expect(summary, where).not.toBe('')
      expect(description, where).toMatch(/\w+ .*\./)
    }
  })

  test('names its own operations by verbs, which no route can take', () => {
    const sold = new Set(Object.values(config.routes).map(({ path }) => path))
    const own = operations.filter(([where]) => !sold.has(where.split(' ')[1] ?? ''))
    const ids = own.map(([, { operationId }]) => operationId)
    expect(ids.sort()).toEqual([...ownOperationIds].sort())
    const verb =
      /^(adjust|check|create|get|grant|list|publish|refund|revoke|rotate|simulate|update)[A-Z]/
    for (const id of ids) expect(id).toMatch(verb)
  })

  test('names the shipped calls as their routes do', () => {
    const idOf = (method: string, path: string) => find(method, path).operationId
    expect(idOf('post', '/v1/search')).toBe('search')
    expect(idOf('get', '/v1/search/engines')).toBe('listSearchEngines')
    expect(idOf('post', '/v1/tts/synthesize')).toBe('synthesizeSpeech')
  })

  test('gives every parameter that a request needs an example that fits its schema, and no other, which the page would send', () => {
    let examples = 0
    for (const [where, { parameters = [] }] of operations) {
      for (const { name, schema, required, example } of parameters) {
        expect([where, name, example !== undefined]).toEqual([where, name, required])
        if (required) expect([where, name, faults(schema, example)]).toEqual([where, name, []])
        examples += required ? 1 : 0
      }
    }
    expect(examples).toBeGreaterThan(15)
  })

  test('says how to authenticate: with an API key in either header, a token, an operator key, or a session', () => {
    expect(document.components.securitySchemes).toMatchObject({
      apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      apiKeyBearer: { type: 'http', scheme: 'bearer' },
      signIn: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
      operatorKey: { type: 'http', scheme: 'bearer', bearerFormat: 'operator key' },
    })
    const isInPerson = (where: string) => /^(post|delete) \/admin\/operator-keys/.test(where)
    for (const [where, { security }] of operations) {
      const expected = / \/v1/.test(where)
        ? [{ apiKey: [] }, { apiKeyBearer: [] }]
        : / \/(health|ready)/.test(where)
          ? []
          : where === 'post /portal/session'
            ? []
            : where.includes(' /portal/')
              ? [{ session: [] }]
              : where.includes(' /admin/')
                ? [{ signIn: [] }, ...(isInPerson(where) ? [] : [{ operatorKey: [] }])]
                : [{ signIn: [] }, { session: [] }]
      expect([where, security]).toEqual([where, expected] as never)
    }
  })

  test('gives every code of refusal an example that fits the schema', () => {
    const { Problem } = document.components.schemas as Record<string, object>
    // A method that a path does not take is no operation's.
    const codes = Object.keys(refusals).filter((code) => code !== 'method_not_allowed')
    expect(Object.keys(document.components.examples ?? {})).toEqual(codes)
    for (const [code, example] of Object.entries(document.components.examples ?? {})) {
      const { value } = example as { value: { code: string } }
      expect(value.code).toBe(code)
      expect(faults(Problem, value)).toEqual([])
    }
  })

  test('shows a body for every request and response in JSON, and each fits its schema', () => {
    let examples = 0
    for (const [where, operation] of operations) {
      const responses = Object.keys(operation.responses).map((s) => responseOf(operation, s))
      for (const part of [operation.requestBody, ...responses]) {
        const json = part?.content?.['application/json']
        if (!json || isFree(json.schema)) continue
        expect(json, where).toHaveProperty('example')
        expect([where, faults(json.schema, json.example)]).toEqual([where, []])
        examples++
      }
    }
    expect(examples).toBeGreaterThan(40)
  })

  /** A schema that any value fits. */
  function isFree(schema: unknown): boolean {
    const name = (schema as { $ref?: string }).$ref?.split('/').at(-1) ?? ''
    return !('type' in ((document.components.schemas?.[name] ?? schema) as object))
  }
})

describe('a configured call', () => {
  test('says its price in words and as the tariff has it', () => {
    for (const route of Object.values(config.routes)) {
      const [method = ''] = route.methods
      expect(find(method, route.path)['x-price']).toEqual(route.price)
    }
    const said = (method: string, path: string) => find(method, path).description?.split('\n')[0]
    expect(said('post', '/v1/search')).toBe('1 credit a call.')
    expect(said('get', '/v1/search/engines')).toBe(
      'Free: the call is counted, no credits are held.',
    )
    expect(said('post', '/v1/extract')).toBe(
      "1 credit a call. Not charged unless the response's `success` is `true`.",
    )
    expect(said('post', '/v1/extract/bulk')).toBe(
      "1 credit for each item of `urls` is held; charged for each of the response's `results` whose `success` is `true`.",
    )
    expect(said('post', '/v1/tts/synthesize')).toBe(
      '1 credit for each started 1,000 characters (Unicode code points) of `text`.',
    )
    expect(said('post', '/v1/stt/transcribe')).toStartWith(
      '10 credits for each started 60 seconds of audio. Held for',
    )
  })

  test('has the schemas of the configuration for request and response, and says which objects are open', () => {
    // Without what the document says where the configuration leaves it unsaid.
    const schemaOf = (schema: unknown) =>
      JSON.parse(JSON.stringify(schema), (name, value) =>
        name === 'additionalProperties' && value === true ? undefined : value,
      )
    for (const { id, request, response } of Object.values(config.routes)) {
      const { [`${id}.request`]: taken, [`${id}.response`]: given } =
        document.components.schemas ?? {}
      if (request && 'json' in request) expect(schemaOf(taken)).toEqual(schemaOf(request.json))
      if (response && 'json' in response) expect(schemaOf(given)).toEqual(schemaOf(response.json))
    }
  })

  test('takes a form with its file, and responds with audio', () => {
    const form = find('post', '/v1/stt/transcribe').requestBody?.content['multipart/form-data']
    expect(form?.encoding).toMatchObject({
      file: { contentType: expect.stringContaining('audio/*') },
    })
    expect(document.components.schemas?.['stt-transcribe.request']).toMatchObject({
      required: ['file'],
      properties: { file: { format: 'binary' }, language: {}, model: {} },
    })
    const { responses } = find('post', '/v1/tts/synthesize')
    expect(Object.keys(responses[200]?.content ?? {})).toEqual(['audio/*'])
  })

  test('takes an Idempotency-Key, priced or free', () => {
    for (const [method, path] of [
      ['post', '/v1/search'],
      ['get', '/v1/tts/voices'],
    ] as const) {
      const { parameters } = find(method, path)
      expect(parameters).toContainEqual(expect.objectContaining({ name: 'Idempotency-Key' }))
    }
  })

  test('says in headers what it cost and the state of the rate limits', () => {
    const headersOf = (method: string, path: string) =>
      Object.keys(find(method, path).responses[200]?.headers ?? {})
    const always = ['X-Request-Id', 'RateLimit', 'RateLimit-Policy', 'X-RateLimit-Remaining']
    const priced = ['X-Credits-Charged', 'X-Credits-Remaining', 'X-Ledger-Position']
    expect(headersOf('post', '/v1/search')).toEqual(expect.arrayContaining([...always, ...priced]))
    // A call of price 0 with an Idempotency-Key says it, too.
    expect(headersOf('get', '/v1/tts/voices')).toEqual(headersOf('post', '/v1/search'))
  })

  test('refuses as its route can: a free route never lacks credits, a static route has no upstream', () => {
    const statuses = (method: string, path: string) =>
      Object.keys(find(method, path).responses).sort()
    // Any call can name an Idempotency-Key: 400, 409, 422.
    const common = ['200', '400', '401', '403', '409', '422', '429', '500', '503']
    const passedOn = ['2XX', '404', '413', '415', '4XX']
    const upstream = ['502', '504']
    expect(statuses('get', '/v1/stt/languages')).toEqual(common)
    expect(statuses('get', '/v1/tts/voices')).toEqual([...common, ...passedOn, ...upstream].sort())
    expect(statuses('post', '/v1/search')).toEqual(
      [...common, '402', '408', ...passedOn, ...upstream].sort(),
    )
  })

  test('may have a schema that refers to itself', async () => {
    const tree = `request:
      json:
        type: object
        required: [tree]
        properties: { tree: { $ref: '#/$defs/node' } }
        $defs:
          node:
            type: object
            required: [name]
            properties: { name: { type: string }, children: { type: array, items: { $ref: '#/$defs/node' } } }
`
    const text = withChange(
      'request: { json: { type: object, required: [text], properties: { text: { type: string } } } }\n',
      tree,
    )
    const document = await documentOf(parse(text))
    expect(await validated(document)).toEqual([])
    const { operations, faults } = checkDocument(document)
    const body = operations.find(([where]) => where === 'post /v1/say')?.[1].requestBody
    const json = body?.content['application/json']
    expect(json?.example).toEqual({ tree: { name: 'text' } })
    expect(faults(json?.schema, json?.example)).toEqual([])
    expect(faults(json?.schema, { tree: { name: 'a', children: [{ name: 1 }] } })).toHaveLength(1)
  })
})

describe('the page', () => {
  const get = (path: string) => appOf(config).handle(new Request(`http://localhost${path}`))

  test('is served with all its files, none of them from elsewhere', async () => {
    const page = await get('/docs')
    expect(page.headers.get('content-type')).toStartWith('text/html')
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self';")
    const html = await page.text()
    const links = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, link]) => link ?? '')
    expect(links).toHaveLength(5)
    for (const link of links) {
      expect(link).toStartWith('/docs/')
      const file = await get(link)
      expect(file.status).toBe(200)
      expect((await file.bytes()).length).toBeGreaterThan(100)
    }
    expect(html).not.toMatch(/<script>|<script [^>]*>[^<]/)
  })

  test('is bundled with its files, for a program that runs without node_modules', async () => {
    const entrypoints = [join(import.meta.dir, '../../src/http/routes/system/docs-page.ts')]
    const { outputs } = await Bun.build({ entrypoints, target: 'bun' })
    const files = outputs.filter(({ kind }) => kind === 'asset').map(({ size }) => size)
    expect(files).toHaveLength(5)
    for (const bytes of files) expect(bytes).toBeGreaterThan(100)
  })

  test('has no other files', async () => {
    for (const path of ['/docs/package.json', '/docs/constructor', '/docs/..%2fpackage.json']) {
      expect((await get(path)).status).toBe(404)
    }
  })
})
