/** Routes with several methods: what each forwards, costs and gives back. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { rawCall } from '../support/raw-client.ts'
import { openShop, type Shop } from '../support/shop.ts'

const large = 'x'.repeat(100_000)

let shop: Shop
beforeAll(async () => {
  const one = { type: 'object', required: ['text'], properties: { text: { type: 'string' } } }
  const route = (path: string, more: object) => ({
    ...{ path, summary: 'x', service: 'search', price: { per: 'request', credits: 2 }, ...more },
  })
  shop = await openShop({
    dedicatedHolds: true,
    config: {
      routes: {
        document: route('/v1/documents/{id}', {
          methods: ['GET', 'HEAD', 'PUT', 'DELETE'],
          request: { json: one },
        }),
        peek: route('/v1/peek', { method: 'HEAD', price: { per: 'free' } }),
        bytes: route('/v1/bytes', {
          methods: ['GET', 'HEAD'],
          price: { per: 'byte', unit: 1000, credits: 1, hold: { step: 1000 } },
        }),
        fixed: {
          ...{ methods: ['GET', 'HEAD'], path: '/v1/fixed/{id}', summary: 'x' },
          ...{ permission: 'search', fixedResponse: { a: 1 }, price: { per: 'free' } },
        },
      },
    },
  })
  shop.upstream.respond(({ method, target }) => {
    if (target.endsWith('/gone')) return new Response('gone', { status: 404 })
    if (target.endsWith('/unknown')) {
      return new Response(
        new ReadableStream({ type: 'direct', pull: (c: { close(): void }) => c.close() } as never),
      )
    }
    const body = target.endsWith('/large') || target === '/v1/bytes' ? large : '{"ok":true}'
    return new Response(body, { headers: { 'x-method': method } })
  })
})
afterAll(() => shop.close())

/** The head of the response to a HEAD, and all that came behind it before the connection was closed. */
async function head(path: string, headers = '') {
  const text = `HEAD ${path} HTTP/1.1\r\nHost: g\r\nX-API-Key: ${shop.key.text}\r\n${headers}Connection: close\r\n\r\n`
  const call = rawCall(shop.gateway.url, text)
  await call.begun()
  call.socket.end()
  await call.ended()
  const { status, body } = call
  return { status, length: call.header('content-length'), body: body.toString(), call }
}

describe('a HEAD', () => {
  test.each([
    ['/v1/documents/a', '11'],
    ['/v1/documents/large', '100000'],
    ['/v1/peek', '11'],
  ])('of %s is forwarded as one, and says the length without the body', async (path, length) => {
    const got = await head(path)
    expect([got.status, got.length, got.body]).toEqual([200, length, ''])
    expect(shop.upstream.executed.at(-1)?.method).toBe('HEAD')
    expect(got.call.header('x-method')).toBe('HEAD')
  })

  test('says no length that is not known, nor does its replay', async () => {
    const named = 'Idempotency-Key: two\r\n'
    for (const [path, headers] of [
      ['/v1/documents/unknown', ''],
      ['/v1/documents/a', named],
      ['/v1/documents/a', named],
    ] as const) {
      const got = await head(path, headers)
      expect([got.status, got.body]).toEqual([200, ''])
      expect(got.length ?? '11').toBe('11')
    }
  })

  test('is charged as the route says', async () => {
    const { call } = await head('/v1/documents/a')
    expect(call.header('x-credits-charged')).toBe('2')
    const [, settled] = await shop.outcomeOf(call.header('x-request-id'), 'HoldSettled')
    expect(settled?.credits).toBe(2)
  })

  test('has no bytes to pay for', async () => {
    const { status, body, call } = await head('/v1/bytes')
    expect([status, body]).toEqual([200, ''])
    const events = await shop.outcomeOf(call.header('x-request-id'), 'HoldSettled')
    expect(events.at(-1)?.credits).toBe(0)
  })

  test('is refused without a body, too', async () => {
    const got = await head('/v1/documents/a?x=1')
    expect([got.status, got.body]).toEqual([400, ''])
    expect((await head('/v1/documents/gone')).status).toBe(404)
  })

  test('of a fixed response has its length', async () => {
    expect(await head('/v1/fixed/a')).toMatchObject({ status: 200, length: '7', body: '' })
  })
})

describe('a route with several methods', () => {
  const call = (method: string, init: RequestInit = {}) =>
    shop.fetch('/v1/documents/a%20b', { method, ...init })
  const json = { 'content-type': 'application/json' }

  test('forwards each of them to the path of its parameters', async () => {
    for (const method of ['GET', 'DELETE']) {
      expect((await call(method)).headers.get('x-method')).toBe(method)
      expect(shop.upstream.executed.at(-1)).toMatchObject({ target: '/v1/documents/a%20b' })
    }
  })

  test('checks the body of a PUT, and forwards none with a GET or a DELETE', async () => {
    expect((await call('PUT')).status).toBe(415)
    expect((await call('PUT', { body: '{}', headers: json })).status).toBe(400)
    expect((await call('PUT', { body: '{"text":"a"}', headers: json })).status).toBe(200)
    expect(shop.upstream.executed.at(-1)?.body.length).toBe(12)
    expect((await call('DELETE', { body: '{"x":1}', headers: json })).status).toBe(200)
    expect(shop.upstream.executed.at(-1)?.body.length).toBe(0)
  })

  test('is one route in the ledger, by its id', async () => {
    for (const method of ['GET', 'DELETE']) {
      const response = await call(method)
      const [held] = await shop.outcomeOf(response.headers.get('x-request-id'), 'HoldSettled')
      const charge = await shop.fetch(`/v1/charges/${response.headers.get('x-request-id')}`)
      expect(await charge.json()).toMatchObject({ endpoint: 'document', credits: 2 })
      expect(JSON.stringify(held)).not.toContain('a%20b')
    }
  })

  test('binds an Idempotency-Key to the method and to the path', async () => {
    const named = { headers: { 'idempotency-key': 'one' } }
    expect((await call('GET', named)).status).toBe(200)
    const again = await call('GET', named)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect((await call('DELETE', named)).status).toBe(422)
    expect((await shop.fetch('/v1/documents/b', named)).status).toBe(422)
    // Another spelling of the same path is the same request.
    expect((await shop.fetch('/v1/documents/%61%20b', named)).status).toBe(200)
  })
})
