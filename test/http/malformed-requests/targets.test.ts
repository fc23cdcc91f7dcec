/**
 * Paths. A target has one meaning: without parameters, the path that is authorized is byte for byte a configured one, and
 * the upstream gets the path that is configured for it (path-spellings.test.ts has those with parameters). The server gives the gateway a URL, so dots and backslashes are already
 * resolved and a host in the target is removed before the path is read.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { openRawShop, type RawShop } from '../../support/raw-shop.ts'
import { type RawUpstream, startRawUpstream } from '../../support/upstream.ts'

let raw: RawUpstream
let rawShop: RawShop
let narrowKey: string
beforeAll(async () => {
  raw = await startRawUpstream()
  rawShop = await openRawShop({
    upstreamUrl: `${raw.url}/base`,
    config: { routes: { search: { query: 'any' } } },
  })
  narrowKey = (await rawShop.shop.newKey('pro', { endpoints: ['tts'] })).text
})
afterAll(async () => {
  await rawShop.close()
  await raw.stop()
})

/** The request lines that the upstream got since the test began. */
const requestLines = () => raw.heads.map((head) => head.split('\r\n')[0])
const reset = () =>
  raw.respond((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'))

beforeAll(reset)
afterEach(async () => {
  await rawShop.expectServes()
  reset()
})

async function post(target: string, key = rawShop.shop.key.text) {
  const reply = await rawShop.send(
    Buffer.from(
      `POST ${target} HTTP/1.1\r\nHost: g\r\nX-API-Key: ${key}\r\n` +
        'Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{"query":"q"}',
      'latin1',
    ),
  )
  return reply.statuses[0]
}

const forwarded = 'POST /base/api/v1/search'

describe('404, and nothing is forwarded:', () => {
  const unknown = [
    ...['//v1/search', '/v1//search', '/v1/search/', '/v1/search//', '//', '/'],
    ...['/v1/..;/v1/search', '/v1/search/..;/engines', '/v1/search;a=b', '/v1/;/search'],
    ...['/v1%2fsearch', '/v1/search%2f', '/%2fv1/search', '/v1%5csearch', '/v1/search%2f..%2fx'],
    ...['/v1/%252e%252e/v1/search', '/v1/x/%252e%252e/search', '/v1/x/..%2fsearch'],
    ...[
      '/v1/s%65arch',
      '/v1/search%00',
      '/v1/search%20',
      '/v1/search.',
      '/v1/search%',
      '/V1/search',
    ],
    ...['//evil.test/v1/search', '/\\evil.test/v1/search', '/@evil.test/v1/search'],
    ...[
      'http://evil.test//v1/search',
      'http://evil.test',
      'http://evil.test\\v1\\search',
      '/v1/search\xe9',
      '/v1/search\x7f',
    ],
    ...['/v1/../..//v1/search', '/v1/search/..', '/v1/search/%2e%2e', '/base/api/v1/search'],
  ]
  for (const target of unknown) {
    test(JSON.stringify(target), async () => {
      expect(await post(target)).toBe(404)
      expect(requestLines()).toEqual([])
    })
  }
})

describe('200, forwarded to exactly the configured path:', () => {
  const known = [
    ...[
      '/v1/search',
      '/v1/x/../search',
      '/v1/%2e%2e/v1/search',
      '/v1/x/%2E./search',
      '/./v1/search',
    ],
    ...['/v1\\search', '\\v1\\x\\..\\search'.replace('\\', '/'), '/v1/search#/../x'],
    ...['http://evil.test/v1/search', 'HTTPS://user:word@evil.test:1/v1/search'],
    '/../../../v1/search',
  ]
  for (const target of known) {
    test(JSON.stringify(target), async () => {
      expect(await post(target)).toBe(200)
      expect(requestLines()).toEqual([`${forwarded} HTTP/1.1`])
      expect(raw.heads[0]?.toLowerCase()).toContain(`host: ${new URL(raw.url).host}`)
      expect(raw.heads[0]).not.toContain('evil')
    })

    test(`${JSON.stringify(target)}, but 403 for a key that may not search`, async () => {
      expect(await post(target, narrowKey)).toBe(403)
      expect(requestLines()).toEqual([])
    })
  }
})

describe('200, and a query stays a query:', () => {
  const queries: [sent: string, forwarded: string][] = [
    ['?a=1&a=2', '?a=1&a=2'],
    ['?../../admin', '?../../admin'],
    ['?x=/../..//evil.test', '?x=/../..//evil.test'],
    ['?@evil.test/', '?@evil.test/'],
    ['?a=%00%0d%0aX-A:%201', '?a=%00%0d%0aX-A:%201'],
    ['?a=%2e%2e%2f%252e', '?a=%2e%2e%2f%252e'],
    ['?a?b', '?a?b'],
    ['?a\\..\\b', '?a\\..\\b'],
    ['?a#b?c', '?a'],
    ['?', ''],
    ['#?b', ''],
  ]
  for (const [sent, there] of queries) {
    test(JSON.stringify(sent), async () => {
      expect(await post(`/v1/search${sent}`)).toBe(200)
      expect(requestLines()).toEqual([`${forwarded}${there} HTTP/1.1`])
    })
  }
})

describe('400, and nothing is forwarded:', () => {
  for (const target of [
    '*',
    'v1/search',
    '\\v1\\search',
    '?',
    'ftp://evil.test/v1/search',
    'g:80',
  ]) {
    test(JSON.stringify(target), async () => {
      expect(await post(target)).toBe(400)
      expect(requestLines()).toEqual([])
    })
  }
})

describe('no spelling of a path leads a key to a management route:', () => {
  const targets = [
    ...['/v1/../admin/api-keys', '/v1/%2e%2e/admin/api-keys', '/v1\\..\\admin/api-keys'],
    ...['http://evil.test/admin/api-keys', '/api-keys/..%2f..%2fadmin/usage', '/api-keys/%2fadmin'],
  ]
  for (const target of targets) {
    test(`401 for a key at ${target}`, async () => {
      const { statuses, codes } = await rawShop.send(
        `GET ${target} HTTP/1.1\r\nHost: g\r\nX-API-Key: ${rawShop.shop.key.text}\r\n\r\n`,
      )
      expect({ statuses, codes }).toEqual({ statuses: [401], codes: ['unauthorized'] })
      expect(requestLines()).toEqual([])
    })
  }
})

describe('405, and nothing is forwarded:', () => {
  for (const method of ['CONNECT', 'TRACE', 'OPTIONS', 'PUT', 'HEAD', 'GET']) {
    test(method, async () => {
      const { statuses } = await rawShop.send(
        `${method} /v1/search HTTP/1.1\r\nHost: g\r\nX-API-Key: ${rawShop.shop.key.text}\r\n\r\n`,
      )
      expect(statuses).toEqual([405])
      expect(requestLines()).toEqual([])
    })
  }

  test('404: CONNECT to elsewhere', async () => {
    const { statuses } = await rawShop.send(
      `CONNECT evil.test:80 HTTP/1.1\r\nHost: g\r\nX-API-Key: ${rawShop.shop.key.text}\r\n\r\n`,
    )
    expect(statuses).toEqual([404])
    expect(requestLines()).toEqual([])
  })
})

describe('without a host, which HTTP/1.0 allows,', () => {
  const get = (target: string) =>
    rawShop.send(`GET ${target} HTTP/1.0\r\nX-API-Key: ${rawShop.shop.key.text}\r\n\r\n`)

  test('the probes of load balancers succeed', async () => {
    expect((await get('/health')).statuses).toEqual([200])
    expect((await get('/ready')).statuses).toEqual([200])
  })

  // From its seventh character on, the router would read the path of another route.
  for (const target of [
    '/v1/search',
    '/v1/key',
    '/public/v1/key',
    '/public/admin/api-keys',
    '//',
  ]) {
    test(`400 for ${target}`, async () => {
      expect((await get(target)).statuses).toEqual([400])
      expect(requestLines()).toEqual([])
    })
  }
})

test('an upstream whose address has a path gets the path of the route behind it, and nothing else', async () => {
  expect(await post('/v1/../base/v1/search')).toBe(404)
  expect(await post('/v1/search')).toBe(200)
  expect(requestLines()).toEqual([`${forwarded} HTTP/1.1`])
})
