/**
 * Queries on bare sockets: whatever way a client writes one, the upstream gets, byte for byte, what was checked, written
 * again in one way, or nothing.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { openRawShop, type RawShop } from '../support/raw-shop.ts'
import { type RawUpstream, startRawUpstream } from '../support/upstream.ts'

const route = (path: string, more: object) => ({
  ...{ method: 'GET', path, summary: 'x', service: 'search' },
  ...{ price: { per: 'request', credits: 1 }, ...more },
})

let raw: RawUpstream
let rawShop: RawShop
beforeAll(async () => {
  raw = await startRawUpstream()
  const routes = {
    geocode: route('/v1/geocode', {
      upstreamPath: '/g',
      query: {
        q: { type: 'string', maxLength: 20 },
        lang: { enum: ['en', 'de'] },
        limit: { type: 'integer', minimum: 1, maximum: 50 },
        lat: { type: 'number' },
        near: { type: 'boolean' },
        tag: { type: 'array', items: { type: 'string', maxLength: 5 }, maxItems: 3 },
        'filter[x]': {},
      },
    }),
    needy: route('/v1/needy', { query: { id: { type: 'string', required: true } } }),
    any: route('/v1/any', { query: 'any' }),
    none: route('/v1/none', {}),
    file: route('/v1/files/{id}', { query: { v: { type: 'integer' } } }),
  }
  rawShop = await openRawShop({ upstreamUrl: `${raw.url}/base`, config: { routes } })
})
afterAll(async () => {
  await rawShop.close()
  await raw.stop()
})

/** The targets that the upstream got since the test began. */
const targets = () => raw.heads.map((head) => head.split(' ')[1])
const reset = () =>
  raw.respond((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'))

beforeAll(reset)
afterEach(async () => {
  await rawShop.expectServes()
  reset()
})

const send = (target: string) =>
  rawShop.send(
    Buffer.from(
      `GET ${target} HTTP/1.1\r\nHost: g\r\nX-API-Key: ${rawShop.shop.key.text}\r\n\r\n`,
      'latin1',
    ),
  )

describe('200, and the upstream gets the query made of what was checked:', () => {
  const known: [sent: string, forwarded: string][] = [
    ['/v1/geocode', '/base/g'],
    ['/v1/geocode?', '/base/g'],
    ['/v1/geocode?&&', '/base/g'],
    ['/v1/geocode?#q=x', '/base/g'],
    ['/v1/geocode#?q=x', '/base/g'],
    ['/v1/geocode?q=x#y', '/base/g?q=x'],
    ['/v1/geocode?q=x&lang=de', '/base/g?q=x&lang=de'],
    ['/v1/geocode?lang=de&q=x', '/base/g?lang=de&q=x'],
    ['/v1/geocode?q=a+b', '/base/g?q=a%20b'],
    ['/v1/geocode?q=a%20b', '/base/g?q=a%20b'],
    ['/v1/geocode?q=a%2Bb', '/base/g?q=a%2Bb'],
    ['/v1/geocode?%71=%61', '/base/g?q=a'],
    ['/v1/geocode?q', '/base/g?q='],
    ['/v1/geocode?q=', '/base/g?q='],
    ['/v1/geocode?q=a=b', '/base/g?q=a%3Db'],
    ['/v1/geocode?q=a?b', '/base/g?q=a%3Fb'],
    ['/v1/geocode?q=a;lang=b', '/base/g?q=a%3Blang%3Db'],
    ['/v1/geocode?q=a%26lang%3Dxx', '/base/g?q=a%26lang%3Dxx'],
    ['/v1/geocode?q=a%23b', '/base/g?q=a%23b'],
    ['/v1/geocode?q=/../..//evil.test', '/base/g?q=%2F..%2F..%2F%2Fevil.test'],
    ['/v1/geocode?q=a\\..\\b', '/base/g?q=a%5C..%5Cb'],
    ['/v1/geocode?q=%252e', '/base/g?q=%252e'],
    ['/v1/geocode?q=a%0d%0aX:%201', '/base/g?q=a%0D%0AX%3A%201'],
    ['/v1/geocode?q=%c3%a9', '/base/g?q=%C3%A9'],
    ['/v1/geocode?q=\xc3\xa9', '/base/g?q=%C3%A9'],
    [`/v1/geocode?q='"<>`, '/base/g?q=%27%22%3C%3E'],
    ['/v1/geocode?limit=7&lat=-1.5&near=true', '/base/g?limit=7&lat=-1.5&near=true'],
    ['/v1/geocode?tag=a&q=x&tag=b', '/base/g?tag=a&q=x&tag=b'],
    ['/v1/geocode?filter[x]=1', '/base/g?filter%5Bx%5D=1'],
    ['/v1/geocode?filter%5Bx%5D=1', '/base/g?filter%5Bx%5D=1'],
    ['/v1/needy?id=1', '/base/v1/needy?id=1'],
    ['/v1/none?', '/base/v1/none'],
    ['/v1/files/a%2bb?v=1', '/base/v1/files/a%2Bb?v=1'],
    ['/v1/any?a=1&a=2&%zz&b=%00;c', '/base/v1/any?a=1&a=2&%zz&b=%00;c'],
    ['/v1/any?a=\xc3\xa9+[b]#c', '/base/v1/any?a=%C3%A9+[b]'],
  ]
  for (const [sent, forwarded] of known) {
    test(JSON.stringify(sent), async () => {
      expect((await send(sent)).statuses).toEqual([200])
      expect(targets()).toEqual([forwarded])
    })
  }
})

describe('400, and nothing is forwarded:', () => {
  const refused: [sent: string, pointer: string, detail: string][] = [
    ['/v1/none?q=x', 'query', 'this route takes no query'],
    ['/v1/geocode?verbose=1', 'query/verbose', 'unknown parameter'],
    ['/v1/geocode?__proto__=1', 'query/__proto__', 'unknown parameter'],
    ['/v1/geocode?lng=de', 'query/lng', 'unknown parameter, did you mean lang?'],
    ['/v1/geocode?Q=x', 'query/Q', 'unknown parameter, did you mean q?'],
    ['/v1/geocode?q=a&q=b', 'query/q', 'stands twice'],
    ['/v1/geocode?q=a&%71=b', 'query/q', 'stands twice'],
    ['/v1/geocode?lang=fr', 'query/lang', 'expected en or de, got "fr"'],
    [`/v1/geocode?q=${'a'.repeat(21)}`, 'query/q', 'must NOT have more than 20 characters'],
    ['/v1/geocode?limit=07', 'query/limit', 'expected an integer, got "07"'],
    ['/v1/geocode?limit=7.0', 'query/limit', 'expected an integer, got "7.0"'],
    ['/v1/geocode?limit=1e1', 'query/limit', 'expected an integer, got "1e1"'],
    ['/v1/geocode?limit=+7', 'query/limit', 'expected an integer, got " 7"'],
    ['/v1/geocode?limit=', 'query/limit', 'expected an integer, got ""'],
    ['/v1/geocode?limit=99', 'query/limit', 'must be <= 50'],
    ['/v1/geocode?lat=0x1', 'query/lat', 'expected a number, got "0x1"'],
    ['/v1/geocode?lat=1e400', 'query/lat', 'expected a number, got "1e400"'],
    ['/v1/geocode?near=1', 'query/near', 'expected a boolean, got "1"'],
    ['/v1/geocode?near', 'query/near', 'expected a boolean, got ""'],
    ['/v1/geocode?tag=a&tag=toolong', 'query/tag/1', 'must NOT have more than 5 characters'],
    ['/v1/geocode?tag=a&tag=b&tag=c&tag=d', 'query/tag', 'must NOT have more than 3 items'],
    ['/v1/geocode?tag[]=a', 'query/tag[]', 'unknown parameter'],
    ['/v1/geocode?q=%zz', 'query', 'not UTF-8, percent-encoded'],
    ['/v1/geocode?q=%c0%ae', 'query', 'not UTF-8, percent-encoded'],
    ['/v1/geocode?q=\xe9', 'query', 'not UTF-8, percent-encoded'],
    ['/v1/geocode?q=%00', 'query/q', 'must not contain the character U+0000'],
    ['/v1/geocode?lat=1000e-3', 'query/lat', 'expected a number, got "1000e-3"'],
    ['/v1/needy', 'query/id', 'missing'],
    ['/v1/needy?', 'query/id', 'missing'],
    ['/v1/needy?x=1&id=1', 'query/x', 'unknown parameter'],
  ]
  for (const [sent, pointer, detail] of refused) {
    test(JSON.stringify(sent), async () => {
      const { statuses, text } = await send(sent)
      expect(statuses).toEqual([400])
      const { code, errors } = JSON.parse(text.slice(text.indexOf('{')))
      expect({ code, errors }).toEqual({ code: 'invalid_request', errors: [{ pointer, detail }] })
      expect(targets()).toEqual([])
    })
  }

  test('with all that is wrong at once, but not more than twenty faults', async () => {
    const { text } = await send('/v1/geocode?lang=fr&limit=x&y=1')
    const { errors } = JSON.parse(text.slice(text.indexOf('{')))
    expect(errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
      ...['query/lang', 'query/limit', 'query/y'],
    ])
    const many = Array.from({ length: 500 }, (_, i) => `x${i}=1`).join('&')
    const { statuses, text: long } = await send(`/v1/geocode?${many}`)
    expect(statuses).toEqual([400])
    expect(JSON.parse(long.slice(long.indexOf('{'))).errors).toHaveLength(20)
  })
})

test('a client without a key learns nothing of what a query may be', async () => {
  const reply = await rawShop.send('GET /v1/geocode?x=1 HTTP/1.1\r\nHost: g\r\n\r\n')
  expect(reply.statuses).toEqual([401])
})
