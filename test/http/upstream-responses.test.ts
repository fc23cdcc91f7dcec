/** What becomes of an upstream's response: which are charged, how they are framed, and what their headers say in the end. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { rawCall } from '../support/raw-client.ts'
import { at, openShop, type Shop } from '../support/shop.ts'
import { type RawUpstream, startRawUpstream } from '../support/upstream.ts'

const secret = 'secret-of/the upstream'

let shop: Shop
let raw: RawUpstream

beforeAll(async () => {
  raw = await startRawUpstream()
  const route = (name: string, more: object) => ({
    ...{ method: 'POST', path: `/v1/${name}`, summary: 'x', service: 'raw', permission: 'search' },
    ...{ upstreamPath: `/base/${name}`, request: { json: {} } },
    ...{ price: { per: 'request', credits: 1 }, ...more },
  })
  const read = (name: string, more: object) => {
    const { request: _, ...rest } = route(name, { method: 'GET', ...more })
    return rest
  }
  shop = await openShop({
    dedicatedHolds: true,
    config: {
      plans: { pro: { rateLimit: 1_000_000 } },
      services: {
        raw: {
          url: `${raw.url}/root`,
          headers: { Authorization: { env: 'TOKEN' }, 'X-Version': { value: '2026-01' } },
          query: { appid: { env: 'TOKEN' } },
        },
      },
      routes: {
        'by-status': route('by-status', { chargeWhen: { status: [200, 404] } }),
        login: route('login', { passStatuses: [401, 429] }),
        'login-sold': route('login-sold', {
          ...{ passStatuses: [401], chargeWhen: { status: [200, 401] } },
        }),
        'login-free': route('login-free', { passStatuses: [401], price: { per: 'free' } }),
        'by-header': route('by-header', { chargeWhen: { header: 'X-Cache', equals: 'MISS' } }),
        'not-header': route('not-header', { chargeWhen: { header: 'X-Cache', not: 'HIT' } }),
        'by-json': route('by-json', { chargeWhen: { pointer: '/ok', equals: true } }),
        items: route('items', {
          ...{
            request: {
              json: { type: 'object', properties: { a: { type: 'array' } }, required: ['a'] },
            },
          },
          price: { per: 'item', credits: 1, hold: { list: '/a' }, settle: { list: '/a' } },
        }),
        jobs: route('jobs', {}),
        job: read('jobs/done', { price: { per: 'free' } }),
        files: read('files', { conditional: true }),
        'files-write': route('files', { method: 'PUT', conditional: true }),
        whole: read('whole', {}),
        heads: { ...read('heads', {}), method: undefined, methods: ['GET', 'HEAD'] },
      },
    },
    env: { TOKEN: secret },
  })
})
afterAll(async () => {
  await shop.close()
  await raw.stop()
})

const respond = (status: number, headers: readonly string[] = [], body = '{}') =>
  raw.respond((socket) =>
    socket.write(
      [
        ...[`HTTP/1.1 ${status} X`, ...headers],
        ...(status === 204 || status === 304 ? [] : [`Content-Length: ${body.length}`]),
        ...['', status === 204 || status === 304 ? '' : body],
      ].join('\r\n'),
    ),
  )

beforeEach(() => respond(200))

async function expectCharged(response: Response, credits: number) {
  const isCharged = credits > 0
  expect(response.headers.get('x-credits-charged')).toBe(String(credits))
  const type = isCharged ? 'HoldSettled' : 'HoldReleased'
  const events = await shop.outcomeOf(response.headers.get('x-request-id'), type)
  expect(events.at(-1)).toMatchObject({ type, status: response.status })
  if (isCharged) expect(response.headers.get('x-ledger-position')).toBe(at(events.at(-1)))
}

describe('charged', () => {
  test.each([
    [200, 1],
    [201, 0],
    [204, 0],
    [404, 1],
    [410, 0],
  ])('by its status: %i costs %i', async (status, credits) => {
    respond(status)
    const response = await shop.post('/v1/by-status', {})
    expect(response.status).toBe(status)
    await expectCharged(response, credits)
    expect(response.headers.get('x-error-source')).toBe(status >= 400 ? 'upstream' : null)
  })

  test.each([
    ['login', 401, 401, 0],
    ['login', 429, 429, 0],
    ['login', 402, 502, 0],
    ['login', 407, 502, 0],
    ['login-sold', 401, 401, 1],
    ['login-sold', 429, 503, 0],
  ])('%s passes on what its route says: %i is %i, for %i', async (name, theirs, ours, credits) => {
    respond(theirs, ['WWW-Authenticate: Basic realm="theirs"', 'Retry-After: 7'], '{"their":1}')
    const response = await shop.post(`/v1/${name}`, {})
    expect(response.status).toBe(ours)
    const isPassedOn = ours === theirs
    expect(response.headers.get('x-error-source')).toBe(isPassedOn ? 'upstream' : null)
    expect(response.headers.get('www-authenticate')).toBeNull()
    expect((await response.text()) === '{"their":1}').toBe(isPassedOn)
    expect(response.headers.get('x-credits-charged')).toBe(String(credits))
  })

  test('nothing, and passed on, where the route is free', async () => {
    respond(401, [], '{"their":1}')
    const response = await shop.post('/v1/login-free', {})
    expect([response.status, response.headers.get('x-error-source')]).toEqual([401, 'upstream'])
    expect(await response.text()).toBe('{"their":1}')
  })

  test('by its status, a long refusal as any long response', async () => {
    respond(404, [], 'x'.repeat(200_000))
    const response = await shop.post('/v1/by-status', {})
    expect(response.status).toBe(404)
    expect(await response.text()).toHaveLength(200_000)
    const [, settled] = await shop.outcomeOf(response.headers.get('x-request-id'), 'HoldSettled')
    expect(settled).toMatchObject({ credits: 1, status: 404 })
  })

  test('by its status, a refusal once, and its retry gets it again', async () => {
    respond(404, [], '{"their":"words"}')
    const init = { headers: { 'idempotency-key': 'refused-1' } }
    const first = await shop.post('/v1/by-status', {}, init)
    await expectCharged(first, 1)
    const again = await shop.post('/v1/by-status', {}, init)
    expect(again.status).toBe(404)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(again.headers.get('x-error-source')).toBe('upstream')
    expect(again.headers.get('x-credits-charged')).toBe('0')
    expect(await again.text()).toBe('{"their":"words"}')
    expect(raw.heads).toHaveLength(1)
  })

  test.each([
    ['by-header', 'MISS', 1],
    ['by-header', 'HIT', 0],
    ['by-header', undefined, 0],
    ['not-header', 'MISS', 1],
    ['not-header', 'HIT', 0],
    ['not-header', undefined, 1],
  ])('by a header: %s %s costs %i', async (name, value, credits) => {
    respond(200, value === undefined ? [] : [`X-Cache: ${value}`])
    await expectCharged(await shop.post(`/v1/${name}`, {}), credits)
  })

  test('by a header, never a refusal', async () => {
    respond(404, ['X-Cache: MISS'])
    await expectCharged(await shop.post('/v1/by-header', {}), 0)
  })

  test('by a header, what is free of charge comes whole however long it is', async () => {
    const long = 'x'.repeat(20_000_000)
    respond(200, ['X-Cache: HIT'], long)
    const response = await shop.post('/v1/by-header', {})
    await expectCharged(response, 0)
    expect((await response.text()) === long).toBe(true)
  })

  test('by its JSON: none is not charged', async () => {
    respond(204)
    const response = await shop.post('/v1/by-json', {})
    expect(response.status).toBe(204)
    await expectCharged(response, 0)
  })

  test('by what is in its JSON: without one nobody could say what it costs', async () => {
    respond(204)
    const response = await shop.post('/v1/items', { a: [1] })
    expect(response.status).toBe(502)
    expect(response.headers.get('x-credits-charged')).toBe('0')
  })
})

describe('framed', () => {
  async function wire(method: string, path: string, more: readonly string[] = []) {
    const isGet = method !== 'POST'
    const head = [
      ...[`${method} ${path} HTTP/1.1`, 'Host: x', `X-API-Key: ${shop.key.text}`, ...more],
      ...(isGet ? [] : ['Content-Type: application/json', 'Content-Length: 2']),
      ...['', isGet ? '' : '{}'],
    ]
    const call = rawCall(shop.gateway.url, head.join('\r\n'))
    await call.begun()
    // The connection still serves: nothing of the response is left over on it.
    call.socket.write(head.join('\r\n'))
    await call.responses(2)
    const text = call.received.toString('latin1')
    call.socket.destroy()
    return text
  }

  test('204 has neither body nor length', async () => {
    respond(204)
    const text = await wire('POST', '/v1/jobs')
    expect(text.match(/HTTP\/1\.1 204 /g)).toHaveLength(2)
    expect(text.toLowerCase()).not.toContain('content-length')
    expect(text.toLowerCase()).not.toContain('transfer-encoding')
    expect(text).toMatch(/\r\n\r\nHTTP\/1\.1 204 [\s\S]*\r\n\r\n$/)
  })

  test.each([
    ['Content-Length: 1234', 'content-length: 1234'],
    ['Transfer-Encoding: chunked', 'transfer-encoding: chunked'],
  ])('HEAD says what a GET would: %s', async (theirs, ours) => {
    raw.respond((socket) => void socket.write(`HTTP/1.1 200 OK\r\n${theirs}\r\n\r\n`))
    const text = await wire('HEAD', '/v1/heads')
    expect(text.match(/HTTP\/1\.1 200 /g)).toHaveLength(2)
    expect(text.toLowerCase()).toContain(ours)
    expect(text.toLowerCase()).not.toContain('content-length: 0')
    expect(text).toMatch(/\r\n\r\nHTTP\/1\.1 200 [\s\S]*\r\n\r\n$/)
  })

  test('304 has no body', async () => {
    respond(304, ['ETag: "a"'])
    const text = await wire('GET', '/v1/files', ['If-None-Match: "a"'])
    expect(text.match(/HTTP\/1\.1 304 /g)).toHaveLength(2)
    expect(text).toMatch(/\r\n\r\nHTTP\/1\.1 304 [\s\S]*\r\n\r\n$/)
  })
})

describe('a part, or only what has changed,', () => {
  const wishes = ['Range', 'If-Range', 'If-Match', 'If-None-Match', 'If-Modified-Since']
  const headers = Object.fromEntries(
    [...wishes, 'If-Unmodified-Since'].map((name) => [name, '"a"']),
  )

  test('can be asked for where the route is conditional', async () => {
    await shop.fetch('/v1/files', { headers })
    for (const name of wishes)
      expect(raw.heads.at(-1)?.toLowerCase()).toContain(`\n${name.toLowerCase()}: "a"`)
    await shop.fetch('/v1/whole', { headers })
    for (const name of wishes)
      expect(raw.heads.at(-1)?.toLowerCase()).not.toContain(`\n${name.toLowerCase()}:`)
  })

  test('a part is charged like the whole', async () => {
    respond(206, ['Content-Range: bytes 0-1/9', 'ETag: "a"'])
    const response = await shop.fetch('/v1/files', { headers: { range: 'bytes=0-1' } })
    expect(response.status).toBe(206)
    expect(response.headers.get('content-range')).toBe('bytes 0-1/9')
    await expectCharged(response, 1)
  })

  test('what has not changed is not charged', async () => {
    respond(304, ['ETag: "a"'])
    const response = await shop.fetch('/v1/files', { headers: { 'if-none-match': '"a"' } })
    expect(response.status).toBe(304)
    expect(response.headers.get('etag')).toBe('"a"')
    expect(response.headers.has('x-error-source')).toBe(false)
    await expectCharged(response, 0)
  })

  test('a condition that does not hold is the client’s to read', async () => {
    respond(412)
    const init = {
      method: 'PUT',
      body: '{}',
      headers: { 'content-type': 'application/json', 'if-match': '"a"' },
    }
    expect((await shop.fetch('/v1/files', init)).status).toBe(412)
  })

  test('304 to a client who could not ask for it is a failure', async () => {
    respond(304)
    const response = await shop.fetch('/v1/whole')
    expect(response.status).toBe(502)
  })
})

describe('its headers', () => {
  async function headersOf(theirs: readonly string[], path = '/v1/jobs', status = 201) {
    respond(status, theirs)
    const response = path === '/v1/jobs' ? await shop.post(path, {}) : await shop.fetch(path)
    expect(response.status).toBe(status)
    return response.headers
  }

  test.each([
    ['the path of a route that is sold', '/root/base/jobs/done?x=1', '/v1/jobs/done?x=1'],
    ['the whole address of it', 'UPSTREAM/root/base/jobs/done', '/v1/jobs/done'],
    ['a path under that of the route', '/root/base/jobs/17/parts', '/v1/jobs/17/parts'],
    ['a path beside the one that was called', 'jobs/17', '/v1/jobs/17'],
    ['the upstream’s own parameter', '/root/base/jobs/17?appid=x&a=1&APPID=y', '/v1/jobs/17?a=1'],
    ['another place on the upstream', '/root/base/other', null],
    ['a place outside of its address', '/base/jobs/17', null],
    ['a place outside of its address by dots', '/root/../base/jobs/17', null],
    ['a longer name', '/root/base/jobs17', null],
    ['the route itself and nothing more', '/root/base/jobs', '/v1/jobs'],
    ['another host', 'https://elsewhere.example/root/base/jobs/17', null],
    ['another port', 'http://127.0.0.1:1/root/base/jobs/17', null],
    ['a name and password', 'http://a:b@UPSTREAM_HOST/root/base/jobs/17', null],
    ['a host without its protocol', '//elsewhere.example/root/base/jobs/17', null],
    ['what is no address', 'http://[', null],
  ])('lead where the client may go: %s', async (_, theirs, ours) => {
    const { host } = new URL(raw.url)
    const value = theirs.replace('UPSTREAM_HOST', host).replace('UPSTREAM', raw.url)
    const headers = await headersOf([`Location: ${value}`, `Content-Location: ${value}`])
    expect(headers.get('location')).toBe(ours)
    expect(headers.get('content-location')).toBe(ours)
  })

  test.each([
    [
      '</root/base/jobs/done?page=2>; rel="next", <UPSTREAM/root/base/jobs/17>; rel=last; title="a, b"',
      '</v1/jobs/done?page=2>; rel="next", </v1/jobs/17>; rel=last; title="a, b"',
    ],
    [
      '</root/base/other>; rel=up, <https://x.example/terms>; rel=license',
      '<https://x.example/terms>; rel=license',
    ],
    ['</root/base/other>; rel=up', null],
    ['<UPSTREAM/root/base/jobs/1?appid=x>; rel=next', '</v1/jobs/1>; rel=next'],
    ['<http://a:b@UPSTREAM_HOST/x>; rel=up, <UPSTREAM/outside>; rel=up', null],
    ['/root/base/jobs/17; rel=next', null],
    ['<jobs/17', null],
  ])('link to where the client may go: %s', async (theirs, ours) => {
    const headers = await headersOf([
      `Link: ${theirs.replace('UPSTREAM_HOST', new URL(raw.url).host).replace('UPSTREAM', raw.url)}`,
    ])
    expect(headers.get('link')).toBe(ours)
  })

  test.each([
    ['public, max-age=60', 'private, max-age=60'],
    ['Public', 'private'],
    ['max-age=60', 'private, max-age=60'],
    [
      's-maxage=60, max-age=5, stale-while-revalidate=9',
      'private, max-age=5, stale-while-revalidate=9',
    ],
    ['no-cache', 'no-cache'],
    ['no-store', 'no-store'],
    ['public, no-cache="x, public"', 'private, no-cache="x, public"'],
    ['private="set-cookie", max-age=60', 'private, max-age=60'],
    ['private, max-age=60', 'private, max-age=60'],
    ['', 'private'],
  ])('let nobody else keep what was paid for: %p', async (theirs, ours) => {
    expect((await headersOf([`Cache-Control: ${theirs}`])).get('cache-control')).toBe(ours)
  })

  test('let nobody else keep what a GET was given without a word on it', async () => {
    const headers = await headersOf(['ETag: "a"'], '/v1/whole', 200)
    expect(headers.get('cache-control')).toBe('private')
  })

  test.each([
    ...[
      'Idempotent-Replayed',
      'RateLimit',
      'RateLimit-Policy',
      'RateLimit-Reset',
      'X-Rate-Limit-Limit',
    ],
    ...['Clear-Site-Data', 'Strict-Transport-Security', 'NEL', 'Report-To', 'Reporting-Endpoints'],
    ...['Server', 'X-Powered-By', 'Set-Cookie', 'Set-Cookie2', 'Alt-Svc', 'Refresh', 'Expect-CT'],
    ...[
      'Public-Key-Pins',
      'Public-Key-Pins-Report-Only',
      'Origin-Agent-Cluster',
      'WWW-Authenticate',
    ],
    ...['Cross-Origin-Resource-Policy', 'Timing-Allow-Origin', 'Access-Control-Allow-Credentials'],
    ...[
      'X-Accel-Redirect',
      'X-Accel-Expires',
      'X-Sendfile',
      'Surrogate-Control',
      'CDN-Cache-Control',
      'Proxy-Status',
    ],
    ...['Cloudflare-CDN-Cache-Control', 'Service-Worker-Allowed', 'X_Credits_Charged'],
  ])('do not say %s, which is the gateway’s or the site’s to say', async (name) => {
    const headers = await headersOf([`${name}: theirs`])
    expect([...headers].flat().join('\n')).not.toContain('theirs')
  })

  test('repeat no credential', async () => {
    const encoded = encodeURIComponent(secret)
    const headers = await headersOf([
      ...[`X-Debug: Bearer ${secret}`, `Link: <https://x.example/?appid=${encoded}>; rel=next`],
      ...['X-Version: 2026-01', 'X-Other: fine'],
    ])
    expect([headers.has('x-debug'), headers.has('link')]).toEqual([false, false])
    expect([headers.get('x-version'), headers.get('x-other')]).toEqual(['2026-01', 'fine'])
  })

  test.each([
    ['7', '7'],
    ['0', '1'],
    ['86400', '3600'],
    ['99999999999999999999999', '5'],
    ['soon', '5'],
    ['-3', '5'],
    ['Wed, 21 Oct 2015 07:28:00 GMT', '1'],
    ['Wed, 21 Oct 2099 07:28:00 GMT', '3600'],
  ])('say when to come again, within bounds: %s', async (theirs, ours) => {
    for (const status of [429, 503]) {
      respond(status, [`Retry-After: ${theirs}`])
      for (const response of [await shop.post('/v1/jobs', {}), await shop.fetch('/v1/jobs/done')]) {
        expect(response.status).toBe(503)
        expect(response.headers.get('retry-after')).toBe(ours)
      }
    }
  })
})
