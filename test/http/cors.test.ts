/**
 * With a configured origin, calls come through the app. They are the same calls: whatever their paths are, and however
 * these are written.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { openRawShop, type RawShop } from '../support/raw-shop.ts'

const origin = 'https://shop.example'

let rawShop: RawShop
beforeAll(async () => {
  const route = { summary: 'x', service: 'search', price: { per: 'request', credits: 1 } }
  rawShop = await openRawShop({
    env: { CORS_ORIGINS: origin },
    config: {
      routes: {
        file: { ...route, methods: ['GET', 'PUT'], path: '/v1/files/{id}' },
        name: { ...route, method: 'GET', path: '/names/{name}', query: { q: {} } },
        root: { ...route, method: 'GET', path: '/whole' },
      },
    },
  })
})
afterAll(() => rawShop.close())

const ask = (target: string, method = 'GET', headers = '') =>
  rawShop.send(
    Buffer.from(
      `${method} ${target} HTTP/1.1\r\nHost: g\r\nX-API-Key: ${rawShop.shop.key.text}\r\nOrigin: ${origin}\r\n${headers}\r\n`,
      'latin1',
    ),
  )

describe('a call of a page', () => {
  test.each([
    ['/v1/files/a%20b', '/v1/files/a%20b'],
    ['/names/%E2%98%83?q=%26', '/names/%E2%98%83?q=%26'],
    ['/names/a:b', '/names/a%3Ab'],
    ['/names/v1', '/names/v1'],
    ['/whole', '/whole'],
  ])('%s is sold, and the page may read what it cost', async (target, forwarded) => {
    rawShop.shop.upstream.respond(() => Response.json({}))
    const { statuses, text } = await ask(target)
    expect(statuses).toEqual([200])
    expect(text.toLowerCase()).toContain(`access-control-allow-origin: ${origin}`)
    expect(text.toLowerCase()).toContain('x-credits-charged: 1')
    expect(rawShop.shop.upstream.executed.map((one) => one.target)).toEqual([forwarded])
  })

  test.each([
    ['/v1/files/a%2fb', 400],
    ['/v1/files/%zz', 400],
    ['/v1/files/%c0%ae', 400],
    ['/names/a?x=1', 400],
    ['/v1/files/a/b', 404],
    ['/v1/%zz', 404],
    ['/names/', 404],
    ['/names', 404],
    ['/names/a/%zz', 404],
    ['/whole/a', 404],
  ])('%s is refused with %p', async (target, status) => {
    rawShop.shop.upstream.respond(() => Response.json({}))
    const { statuses, text } = await ask(target)
    expect(statuses).toEqual([status])
    expect(text.toLowerCase()).toContain(`access-control-allow-origin: ${origin}`)
    expect(rawShop.shop.upstream.executed).toEqual([])
    await rawShop.expectServes()
  })
})

test.each(['/v1/files/a', '/names/a', '/whole', '/v1/search'])(
  'a preflight for %s lets the page call',
  async (target) => {
    const { statuses, text } = await ask(
      target,
      'OPTIONS',
      'Access-Control-Request-Method: PUT\r\n',
    )
    expect(statuses).toEqual([204])
    expect(text.toLowerCase()).toContain(`access-control-allow-origin: ${origin}`)
  },
)

test('a method that the path does not take is 405, with those that it takes', async () => {
  const { statuses, text } = await ask('/v1/files/a', 'DELETE')
  expect(statuses).toEqual([405])
  expect(text).toMatch(/^Allow: GET, PUT\r$/m)
})
