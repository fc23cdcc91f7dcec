import { expect, test } from 'bun:test'
import { configJsonSchema } from '../../src/config/file/file-schema.ts'
import { schemaCheck } from '../../src/config/json-schema.ts'
import { loadConfig, shippedConfigFile } from '../../src/config/load-config.ts'
import { tariffHash, tariffOf } from '../../src/config/tariff.ts'
import { boundOf } from '../../src/pricing/counting.ts'
import { credits } from '../../src/pricing/price-arithmetic.ts'
import { mapBody } from '../../src/proxy/request/map-body.ts'
import { parse, smallConfig } from '../support/small-config.ts'

const config = loadConfig({ file: shippedConfigFile, env: {} })

function route(id: string) {
  const found = config.routes[id]
  if (found === undefined) throw new Error(`no route ${id}`)
  return found
}

function faultsOf(id: string, json: unknown) {
  const { request } = route(id)
  if (!request || !('json' in request)) throw new Error(`${id} takes no JSON`)
  return schemaCheck(request.json)(json, true)
}

test('it sells the ten routes', () => {
  const table = Object.values(config.routes).map(({ id, methods, path, permission, target }) => [
    id,
    `${methods} ${path}`,
    permission,
    target.kind === 'upstream' ? `${target.service} ${target.path}` : 'fixed',
  ])
  expect(table).toEqual([
    ['search', 'POST /v1/search', 'search', 'search /api/v1/search'],
    ['search-engines', 'GET /v1/search/engines', 'search', 'search /api/v1/search/engines'],
    ['extract', 'POST /v1/extract', 'search', 'search /api/v1/extract'],
    ['extract-bulk', 'POST /v1/extract/bulk', 'search', 'search /api/v1/extract/bulk'],
    ['stt-transcribe', 'POST /v1/stt/transcribe', 'stt', 'stt /transcribe'],
    ['stt-models', 'GET /v1/stt/models', 'stt', 'stt /models'],
    ['stt-languages', 'GET /v1/stt/languages', 'stt', 'fixed'],
    ['tts-synthesize', 'POST /v1/tts/synthesize', 'tts', 'tts /synthesize/auto'],
    ['tts-voices', 'GET /v1/tts/voices', 'tts', 'tts /voices'],
    ['tts-languages', 'GET /v1/tts/languages', 'tts', 'fixed'],
  ])
})

test('its plans are free, pro and enterprise', () => {
  const windowMs = 60_000
  const fee = (minorUnits: number) => ({ minorUnits, currency: 'EUR' })
  expect({ ...config.plans }).toEqual({
    free: {
      rateLimit: 10,
      windowMs,
      credits: 100,
      maxInFlight: 10,
      endpoints: ['search'],
      fee: fee(0),
      grantable: true,
    },
    pro: {
      rateLimit: 100,
      windowMs,
      credits: 5000,
      maxInFlight: 100,
      endpoints: 'all',
      fee: fee(1900),
      grantable: true,
    },
    enterprise: {
      rateLimit: 1000,
      windowMs,
      credits: 50_000,
      maxInFlight: 1000,
      endpoints: 'all',
      fee: fee(9900),
      grantable: true,
    },
  })
  expect(config.defaultPlan).toBe('free')
})

test('a call costs what the price list says', () => {
  const price = (id: string, content: Parameters<typeof boundOf>[1]) =>
    credits(route(id).price, boundOf(route(id).price, content))
  expect(price('search', { json: { query: 'x' } })).toBe(1)
  expect(price('search-engines', {})).toBe(0)
  expect(price('extract', { json: { url: 'https://example.com' } })).toBe(1)
  expect(price('extract-bulk', { json: { urls: Array(20).fill('https://example.com') } })).toBe(20)
  expect(price('stt-transcribe', { files: { file: { bytes: 60_000, seconds: 61 } } })).toBe(20)
  expect(price('stt-transcribe', { files: { file: { bytes: 1e9 } } })).toBe(2400)
  expect(price('tts-synthesize', { json: { text: 'a'.repeat(1001) } })).toBe(2)
})

test('its requests allow what the upstreams take', () => {
  for (const [id, json] of [
    ['search', { query: 'x' }],
    [
      'search',
      {
        query: 'x',
        options: {
          categories: ['general', 'news', 'science', 'it', 'images', 'videos'],
          engines: ['one'],
          language: 'en',
          timeRange: 'week',
          safeSearch: 2,
          limit: 10,
        },
        cache: { enabled: false, ttl: 0 },
      },
    ],
    ['extract', { url: 'HTTPS://example.com/a?b=c#d', options: { includeHtml: true, timeout: 1 } }],
    ['extract-bulk', { urls: Array(20).fill('http://example.com'), concurrency: 10 }],
    ['tts-synthesize', { text: '👍'.repeat(5000), speed: 0.5, format: 'ogg', language: 'en' }],
  ] as const) {
    expect(faultsOf(id, json)).toEqual([])
  }
})

test.each([
  ['search', { query: '' }, '/query'],
  ['search', { query: 'x', option: {} }, '/option'],
  ['search', { query: 'x', options: { safeSearch: 3 } }, '/options/safeSearch'],
  ['search', { query: 'x', options: { categories: ['music'] } }, '/options/categories/0'],
  ['extract', {}, '/url'],
  ['extract', { url: 'file:///etc/passwd' }, '/url'],
  ['extract', { url: 'https://exa mple.com' }, '/url'],
  ['extract-bulk', { urls: [] }, '/urls'],
  ['extract-bulk', { urls: Array(21).fill('http://example.com') }, '/urls'],
  ['tts-synthesize', { text: 'x'.repeat(5001) }, '/text'],
  ['tts-synthesize', { text: 'x', speed: 2.1 }, '/speed'],
  ['tts-synthesize', { text: 'x', format: 'flac' }, '/format'],
])('%s refuses %j at %s', (id, json, pointer) => {
  expect(faultsOf(id, json).map((fault) => fault.pointer)).toEqual([pointer])
})

test('a text to speak is sent under the names of the upstream, ogg as mp3', () => {
  const { map } = route('tts-synthesize')
  if (map === undefined) throw new Error('no map')
  const mapped = (json: object) => JSON.parse(mapBody(JSON.stringify(json), map))
  expect(mapped({ text: 'hi' })).toEqual({ text: 'hi', speed: 1, output_format: 'mp3' })
  expect(mapped({ text: 'hi', voice: 'v', language: 'en', speed: 2, format: 'ogg' })).toEqual({
    ...{ text: 'hi', voice: 'v', speed: 2, output_format: 'mp3' },
  })
  expect(mapped({ text: 'hi', format: 'wav' }).output_format).toBe('wav')
})

test('every listed language has a code and a name', () => {
  for (const id of ['stt-languages', 'tts-languages']) {
    const { target, response } = route(id)
    if (target.kind !== 'fixed' || !response || !('json' in response)) throw new Error(id)
    expect(schemaCheck(response.json)(target.json, true)).toEqual([])
  }
})

test('names that every object has are no routes, plans or services', () => {
  for (const names of [config.routes, config.plans, config.services, tariffOf(config).prices]) {
    expect(names.constructor).toBeUndefined()
    expect(names.toString).toBeUndefined()
  }
})

test('where the file is silent, the defaults hold', () => {
  const { limits, gateways, trustedProxies, legacyKeys, organisationClaim } = parse(smallConfig)
  expect({ limits, gateways, trustedProxies, legacyKeys, organisationClaim }).toEqual({
    limits: {
      maxBodyBytes: 1_048_576,
      maxJsonValues: 20_000,
      maxBodySeconds: 60,
      maxTotalBodyBytes: 268_435_456,
      maxBufferedBytes: 65_536,
      maxDeliverySeconds: 3_600,
      upstreamTimeoutMs: 30_000,
      holdSeconds: 900,
      fenceAfterSeconds: 60,
      maxKeysPerAccount: 1_000,
      maxReportSeconds: 60,
      maxOwnerRequestsPerMinute: 300,
      maxOwnerChangesPerMinute: 30,
      maxOperatorRequestsPerMinute: 3_000,
      leaseIdleSeconds: 45,
    },
    gateways: 1,
    trustedProxies: 0,
    legacyKeys: false,
    organisationClaim: 'org_id',
  })
  expect(parse(smallConfig).routes.say).toMatchObject({
    maxBodyBytes: 1_048_576,
    timeoutMs: 30_000,
  })
})

test("a form's size is the route's", () => {
  expect(route('stt-transcribe').maxBodyBytes).toBe(26_214_400)
})

test('the schema for editors is plain JSON Schema that takes the shipped file and refuses a typo', async () => {
  const schema = JSON.parse(JSON.stringify(configJsonSchema))
  const { default: Ajv } = await import('ajv/dist/2020.js')
  // Editors ignore what they do not know, such as the message for a missed pattern.
  const check = new Ajv({ strict: false }).compile(schema)
  const file = Bun.YAML.parse(await Bun.file(shippedConfigFile).text()) as { plans: object }
  expect(check(file)).toBe(true)
  expect(check({ ...file, plan: {} })).toBe(false)
  expect(schema.properties.plans.description).toBe('The plans, by name.')
})

test('the tariff is the plans and the prices, under a hash of its content', () => {
  const tariff = tariffOf(config)
  expect(Object.keys(tariff.prices)).toEqual(Object.keys(config.routes))
  expect(tariff.prices.search).toEqual({ per: 'request', credits: 1 })
  expect(tariffHash(tariff)).toMatch(/^[0-9a-f]{64}$/)
})

test('the hash does not depend on the order in which the tariff is written', () => {
  const turned = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    const entries = Object.entries(value).map(([key, field]) => [key, turned(field)])
    return Object.fromEntries(entries.reverse())
  }
  const { plans, prices } = tariffOf(config)
  const other = turned({ plans, prices }) as { plans: typeof plans; prices: typeof prices }
  expect(Object.keys(other.plans)).toEqual(['enterprise', 'pro', 'free'])
  expect(tariffHash(other)).toBe(tariffHash({ plans, prices }))
})

test('the hash changes with a price, a plan and nothing else', () => {
  const hashOf = (text: string) => tariffHash(tariffOf(parse(text)))
  const hash = hashOf(smallConfig)
  expect(
    hashOf(smallConfig.replace('per: request, credits: 1', 'per: request, credits: 2')),
  ).not.toBe(hash)
  expect(hashOf(smallConfig.replace('rateLimit: 10', 'rateLimit: 11'))).not.toBe(hash)
  expect(hashOf(smallConfig.replace('summary: Say it', 'summary: Said'))).toBe(hash)
  expect(hashOf(smallConfig.replace('fee:', 'grantable: true\n    fee:'))).toBe(hash)
})

test('the hash of a given tariff is fixed: ledgers already hold it', () => {
  const plan = {
    rateLimit: 1,
    windowMs: 1000,
    credits: 0,
    maxInFlight: 1,
    endpoints: 'all' as const,
  }
  const plans = { only: { ...plan, fee: { minorUnits: 0, currency: 'EUR' }, grantable: true } }
  const text =
    '{"plans":{"only":{"credits":0,"endpoints":"all","fee":{"currency":"EUR","minorUnits":0},"grantable":true,"maxInFlight":1,"rateLimit":1,"windowMs":1000}},"prices":{"a":{"per":"free"}}}'
  expect(tariffHash({ plans, prices: { a: { per: 'free' } } })).toBe(
    new Bun.CryptoHasher('sha256').update(text).digest('hex'),
  )
})
