/**
 * Paths with parameters, on bare sockets: whatever way a client writes a path, the upstream gets, byte for byte, the one
 * that was made of the checked parameters, or nothing.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { openRawShop, type RawReply, type RawShop } from '../support/raw-shop.ts'
import { type RawUpstream, startRawUpstream } from '../support/upstream.ts'

const route = (path: string, more: object = {}) => ({
  ...{ methods: ['GET'], path, summary: 'x', service: 'search' },
  ...{ price: { per: 'request', credits: 1 }, ...more },
})

let raw: RawUpstream
let rawShop: RawShop
beforeAll(async () => {
  raw = await startRawUpstream()
  const routes = {
    file: route('/v1/files/{id}', { methods: ['GET', 'PUT'], upstreamPath: '/f/{id}/raw' }),
    'new-file': route('/v1/files/new'),
    'file-content': route('/v1/files/{id}/content'),
    model: route('/v1/models/{model}'),
    generate: route('/v1/models/{model}:generateContent', {
      methods: ['POST'],
      price: { per: 'request', credits: 9 },
    }),
    archive: route('/archive/{path*}', { encodedSlash: true }),
    tree: route('/v1/repos/{owner}/{repo}/contents/{path*}', {
      upstreamPath: '/t/{repo}/{path*}',
      parameters: { owner: { pattern: '^[a-z]+$' } },
    }),
    package: route('/pkg/{name}', { encodedSlash: true }),
    'package-version': route('/pkg/{name}/{version}'),
    range: route('/range/{from}-{to}.json', { upstreamPath: '/r/{to}/{from}' }),
    page: route('/pages/{number}', { parameters: { number: { type: 'integer', minimum: 1 } } }),
  }
  rawShop = await openRawShop({ upstreamUrl: `${raw.url}/base`, config: { routes } })
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

function send(target: string, method = 'GET', headers = ''): Promise<RawReply> {
  const key = rawShop.shop.key.text
  return rawShop.send(
    Buffer.from(
      `${method} ${target} HTTP/1.1\r\nHost: g\r\nX-API-Key: ${key}\r\n${headers}\r\n`,
      'latin1',
    ),
  )
}

describe('200, and the upstream gets the path made of the parameters:', () => {
  const known: [sent: string, forwarded: string][] = [
    ['/v1/files/a', '/base/f/a/raw'],
    ['/v1/files/a%62%63', '/base/f/abc/raw'],
    ['/v1/files/x/../a', '/base/f/a/raw'],
    ['/v1/%2e%2e/v1/files/a', '/base/f/a/raw'],
    ['http://evil.test/v1/files/a', '/base/f/a/raw'],
    ['/v1\\files\\a', '/base/f/a/raw'],
    ['/v1/files/a?', '/base/f/a/raw'],
    ['/v1/files/a#/../b?c', '/base/f/a/raw'],
    ['/v1/files/...', '/base/f/.../raw'],
    ['/v1/files/a..b', '/base/f/a..b/raw'],
    ['/v1/files/a;b=c', '/base/f/a%3Bb%3Dc/raw'],
    ['/v1/files/a:b@c', '/base/f/a%3Ab%40c/raw'],
    ['/v1/files/a+b', '/base/f/a%2Bb/raw'],
    ['/v1/files/a%20b', '/base/f/a%20b/raw'],
    ['/v1/files/100%25', '/base/f/100%25/raw'],
    ['/v1/files/a%3Fb%23c', '/base/f/a%3Fb%23c/raw'],
    ['/v1/files/%c3%a9', '/base/f/%C3%A9/raw'],
    ['/v1/files/\xc3\xa9', '/base/f/%C3%A9/raw'],
    ["/v1/files/(a)'!*~", "/base/f/(a)'!*~/raw"],
    ['/v1/files/a[b]|{}', '/base/f/a%5Bb%5D%7C%7B%7D/raw'],
    ['/v1/files/news', '/base/f/news/raw'],
    ['/v1/files/new', '/base/v1/files/new'],
    ['/v1/files/a/content', '/base/v1/files/a/content'],
    ['/v1/models/m', '/base/v1/models/m'],
    ['/v1/models/m:other', '/base/v1/models/m%3Aother'],
    ['/v1/repos/me/it/contents/a/b%20c/d', '/base/t/it/a/b%20c/d'],
    ['/archive/a/b%2fc%20d/e', '/base/archive/a/b%2Fc%20d/e'],
    ['/pkg/a', '/base/pkg/a'],
    ['/pkg/%40a%2Fb%2Fc', '/base/pkg/%40a%2Fb%2Fc'],
    ['/pkg/a/b', '/base/pkg/a/b'],
    ['/range/1-2-3.json', '/base/r/2-3/1'],
    ['/range/1-2.json.json', '/base/r/2.json/1'],
    ['/pages/7', '/base/pages/7'],
  ]
  for (const [sent, forwarded] of known) {
    test(JSON.stringify(sent), async () => {
      expect((await send(sent)).statuses).toEqual([200])
      expect(requestLines()).toEqual([`GET ${forwarded} HTTP/1.1`])
    })
  }
})

describe('400, and nothing is forwarded:', () => {
  const refused: [sent: string, pointer: string, detail: string][] = [
    ['/v1/files/a%2Fb', 'path/id', 'has an encoded slash'],
    ['/v1/files/..%2fsecret', 'path/id', 'has a segment of dots'],
    ['/v1/files/a%5Cb', 'path/id', 'has a character that no path may have'],
    ['/v1/files/a%00', 'path/id', 'has a character that no path may have'],
    ['/v1/files/a%0d%0aX-A:%201', 'path/id', 'has a character that no path may have'],
    ['/v1/files/a%7f', 'path/id', 'has a character that no path may have'],
    ['/v1/files/a\xe9', 'path/id', 'has a character that no path may have'],
    ['/v1/files/a%c2%85', 'path/id', 'has a character that no path may have'],
    ['/v1/files/%252e%252e', 'path/id', 'is encoded twice'],
    ['/v1/files/a%252Fb', 'path/id', 'is encoded twice'],
    ['/v1/files/%E0%80%AF', 'path/id', 'not UTF-8, percent-encoded'],
    ['/v1/files/%c0%ae', 'path/id', 'not UTF-8, percent-encoded'],
    ['/v1/files/a%', 'path/id', 'not UTF-8, percent-encoded'],
    ['/v1/files/a%zz', 'path/id', 'not UTF-8, percent-encoded'],
    ['/v1/files/..;', 'path/id', 'has a segment of dots'],
    ['/v1/files/..;a=b', 'path/id', 'has a segment of dots'],
    ['/v1/files/%2e%2e%3bx', 'path/id', 'has a segment of dots'],
    [`/v1/files/${'a'.repeat(201)}`, 'path/id', 'must NOT have more than 200 characters'],
    ['/v1/files/n%65w', 'path', 'means another path when it is decoded'],
    ['/v1/repos/me/it/contents/a//b', 'path/path', 'has an empty segment'],
    ['/v1/repos/me/it/contents/a/', 'path/path', 'has an empty segment'],
    ['/v1/repos/me/it/contents/', 'path/path', 'has an empty segment'],
    ['/v1/repos/me/it/contents//', 'path/path', 'has an empty segment'],
    ['/v1/repos/me/it/contents/a/..;/b', 'path/path', 'has a segment of dots'],
    ['/v1/repos/me/it/contents/a%2fb', 'path/path', 'has an encoded slash'],
    ['/v1/repos/me/it/contents/a/%2e%2e%3B/b', 'path/path', 'has a segment of dots'],
    ['/v1/repos/ME/it/contents/a', 'path/owner', 'must match pattern "^[a-z]+$"'],
    ['/pkg/a%2F..%2Fb', 'path/name', 'has a segment of dots'],
    ['/pkg/a%2F%2Fb', 'path/name', 'has an empty segment'],
    ['/archive/a/%2F/b', 'path/path', 'has an empty segment'],
    ['/archive/a%2F../b', 'path/path', 'has a segment of dots'],
    ['/pkg/%2Fb', 'path/name', 'has an empty segment'],
    ['/pkg/a%2Fb', 'path', 'means another path when it is decoded'],
    ['/range/1%2D2-3.json', 'path', 'means another path when it is decoded'],
    ['/pages/07', 'path/number', 'expected an integer, got "07"'],
    ['/pages/7e0', 'path/number', 'expected an integer, got "7e0"'],
    ['/pages/0', 'path/number', 'must be >= 1'],
    ['/v1/files/a?b=c', 'query', 'this route takes no query'],
  ]
  for (const [sent, pointer, detail] of refused) {
    test(JSON.stringify(sent.slice(0, 60)), async () => {
      const { statuses, text } = await send(sent)
      expect(statuses).toEqual([400])
      const { code, errors } = JSON.parse(text.slice(text.indexOf('{')))
      expect({ code, errors }).toEqual({ code: 'invalid_request', errors: [{ pointer, detail }] })
      expect(requestLines()).toEqual([])
    })
  }
})

describe('404, and nothing is forwarded:', () => {
  const unknown = [
    ...['/v1/files', '/v1/files/', '/v1//files/a', '//v1/files/a', '/v1/files/a/', '/v1/files//a'],
    ...['/v1/files/a/b', '/v1/files/a/content/', '/v1/files/%2e', '/v1/files/..', '/V1/files/a'],
    ...['/v1/fil%65s/a', '/v1%2ffiles/a', '/v1/files%2fa', '/v1/repos/me/it/contents'],
    ...['/range/-.json', '/range/1-.json', '/range/1.json', '/pkg'],
    ...['/pages', '/pkg/a/b/c', '/unsold/a'],
  ]
  for (const target of unknown) {
    test(JSON.stringify(target), async () => {
      expect((await send(target)).statuses).toEqual([404])
      expect(requestLines()).toEqual([])
    })
  }
})

test('a colon that is encoded does not lead past the price of another route', async () => {
  // To an upstream that decodes first, this is the path of `generate`.
  const { statuses, text } = await send('/v1/models/m%3AgenerateContent')
  expect(statuses).toEqual([400])
  expect(text).toContain('means another path when it is decoded')
  expect((await send('/v1/models/m:generateContent', 'POST')).statuses).toEqual([200])
  expect(requestLines()).toEqual(['POST /base/v1/models/m:generateContent HTTP/1.1'])
})

test('a client without a key learns nothing of what a path may be', async () => {
  for (const path of ['/v1/files/a%2Fb', '/pages/x']) {
    const { statuses } = await rawShop.send(`GET ${path} HTTP/1.1\r\nHost: g\r\n\r\n`)
    expect(statuses).toEqual([401])
  }
})

describe('methods', () => {
  test('405 names those that the path takes, of the route with precedence', async () => {
    for (const [target, method, allow] of [
      ['/v1/files/a', 'DELETE', 'GET, PUT'],
      ['/v1/files/a', 'HEAD', 'GET, PUT'],
      ['/v1/files/new', 'PUT', 'GET'],
      ['/v1/models/m:generateContent', 'GET', 'POST'],
      ['/pkg/a', 'OPTIONS', 'GET'],
    ] as const) {
      const { statuses, text } = await send(target, method)
      expect(statuses).toEqual([405])
      expect(text).toMatch(new RegExp(`^Allow: ${allow}\\r$`, 'm'))
    }
    expect(requestLines()).toEqual([])
  })

  test('the method of the request is the one that is forwarded', async () => {
    expect((await send('/v1/files/a', 'PUT', 'Content-Length: 0\r\n')).statuses).toEqual([200])
    expect(requestLines()).toEqual(['PUT /base/f/a/raw HTTP/1.1'])
  })
})

describe('an upgrade', () => {
  test.each(['websocket', 'WebSocket', 'h2c, websocket'])('to %s is refused', async (protocol) => {
    const headers = `Connection: Upgrade\r\nUpgrade: ${protocol}\r\nSec-WebSocket-Version: 13\r\n`
    const { statuses, text } = await send('/v1/files/a', 'GET', headers)
    expect(statuses).toEqual([400])
    expect(text).toContain('This gateway has no WebSockets: send the request without Upgrade.')
    expect(requestLines()).toEqual([])
  })

  test('to HTTP/2 is an offer that is not taken up', async () => {
    const headers = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n'
    expect((await send('/v1/files/a', 'GET', headers)).statuses).toEqual([200])
  })
})
