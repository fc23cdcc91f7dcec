/** What becomes of a call when its upstream refuses, fails, dawdles or dies: the response, and that nobody pays. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { RefusalCode } from '../../src/problems/refusal.ts'
import { rawCall, rawPost } from '../support/raw-client.ts'
import { at, openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'
import { type RawScript, type RawUpstream, startRawUpstream } from '../support/upstream.ts'

const timeoutMs = 1_000

let shop: Shop
let raw: RawUpstream
beforeAll(async () => {
  raw = await startRawUpstream()
  shop = await openShop({
    dedicatedHolds: true,
    config: {
      services: { raw: { url: raw.url }, nowhere: { url: 'http://127.0.0.1:1' } },
      routes: {
        search: { timeoutMs },
        broken: route('raw', '/v1/broken'),
        'broken-free': {
          ...{
            method: 'GET',
            path: '/v1/broken',
            summary: 'x',
            service: 'raw',
            upstreamPath: '/x',
          },
          ...{ permission: 'search', price: { per: 'free' } },
        },
        nowhere: route('nowhere', '/v1/nowhere'),
        static: {
          ...{ method: 'GET', path: '/v1/static', summary: 'Sold from here', permission: 'search' },
          ...{ fixedResponse: { sold: true }, price: { per: 'request', credits: 1 } },
        },
      },
    },
  })
})
afterAll(async () => {
  await shop.close()
  await raw.stop()
})

function route(service: string, path: string) {
  return {
    ...{ method: 'POST', path, summary: 'x', service, upstreamPath: '/x', permission: 'search' },
    ...{ timeoutMs: 5_000, request: { json: {} }, price: { per: 'request', credits: 1 } },
  }
}

const search = () => shop.post('/v1/search', { query: 'q' })

/** Credits held or settled before a test; the same after it. */
let before: unknown
const lots = () => shop.ledger.sql`select lot, held, settled from lots order by lot`
beforeEach(async () => {
  before = [...(await lots())]
})
afterEach(async () => {
  expect(await shop.ledger.sql`select hold_id from open_holds`).toHaveLength(0)
})

async function expectUncharged(response: Response, reason: string, status: number | null) {
  const requestId = response.headers.get('x-request-id')
  const [held, released, ...more] = await shop.outcomeOf(requestId, 'HoldReleased')
  expect(more).toEqual([])
  expect(held?.type).toBe('CreditsHeld')
  expect(released?.payload).toEqual({ reason })
  expect(released?.status).toBe(status)
  expect(response.headers.get('x-credits-charged')).toBe('0')
  expect(response.headers.get('x-ledger-position')).toBe(at(released))
  if (Array.isArray(before) && before.length > 0) expect([...(await lots())]).toEqual(before)
}

async function expectFailed(response: Response, code: RefusalCode, status: number | null) {
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const document = await response.json()
  expect(document).toMatchObject({ code, status: response.status })
  expect(response.headers.has('x-error-source')).toBe(false)
  expect(response.headers.has('retry-after')).toBe(response.status === 503)
  await expectUncharged(response, code, status)
}

describe('the upstream refuses the client', () => {
  test.each([400, 403, 404, 405, 406, 408, 409, 410, 413, 415, 418, 422, 431, 451, 499])(
    '%i passes through, marked and uncharged',
    async (status) => {
      shop.upstream.respond(() => Response.json({ their: 'words' }, { status }))
      const response = await search()
      expect(response.status).toBe(status)
      expect(await response.json()).toEqual({ their: 'words' })
      expect(response.headers.get('x-error-source')).toBe('upstream')
      await expectUncharged(response, 'refused_by_upstream', status)
    },
  )

  test('with a response too long to be buffered, whole all the same', async () => {
    const long = 'x'.repeat(200_000)
    shop.upstream.respond(() => new Response(long, { status: 400 }))
    const response = await search()
    expect(response.status).toBe(400)
    expect(await response.text()).toBe(long)
    await expectUncharged(response, 'refused_by_upstream', 400)
  })

  test('on a route of price 0: marked, and counted as an error', async () => {
    shop.upstream.respond(() => Response.json({}, { status: 404 }))
    const response = await shop.fetch('/v1/search/engines')
    expect(response.status).toBe(404)
    expect(response.headers.get('x-error-source')).toBe('upstream')
  })
})

test('a hold that has expired when its upstream responds: withheld, and nobody pays', async () => {
  shop.upstream.respond(async () => {
    const [hold] = await shop.ledger.sql<[Parameters<typeof shop.ledger.release>[0]]>`
      select hold_id as "requestId", account_id as "accountId", key_id as "keyId", mode, endpoint, tariff,
        'gateway' as actor
      from open_holds`
    await shop.ledger.release(hold, { reason: 'upstream_timeout' })
    return Response.json({ results: [] })
  })
  const response = await search()
  expect(response.status).toBe(503)
  expect(await response.json()).toMatchObject({ code: 'ledger_unavailable', status: 503 })
  expect(response.headers.get('retry-after')).toBe('5')
  expect(response.headers.get('x-credits-charged')).toBe('0')
  const events = await shop.eventsOf(response.headers.get('x-request-id'))
  expect(events.map(({ type }) => type)).toEqual(['CreditsHeld', 'HoldReleased'])
})

describe('the upstream fails', () => {
  test.each([401, 402, 407, 304, 500, 501, 502, 504, 505, 599])(
    '%i becomes 502',
    async (status) => {
      shop.upstream.respond(() => new Response('their secret', { status }))
      const response = await search()
      expect(response.status).toBe(502)
      await expectFailed(response, 'upstream_failed', status)
    },
  )

  test.each([429, 503])('%i becomes 503', async (status) => {
    shop.upstream.respond(() => new Response('busy', { status, headers: { 'retry-after': '99' } }))
    const response = await search()
    expect(response.status).toBe(503)
    await expectFailed(response, 'upstream_busy', status)
  })

  test.each([301, 302, 303, 307, 308])('a redirect (%i) is not followed', async (status) => {
    const target = `${shop.upstream.url}/elsewhere`
    shop.upstream.respond(() => new Response(null, { status, headers: { location: target } }))
    const response = await search()
    expect(response.status).toBe(502)
    expect(response.headers.has('location')).toBe(false)
    await expectFailed(response, 'upstream_failed', status)
    expect(shop.upstream.executed.map((one) => one.target)).toEqual(['/api/v1/search'])
  })

  test('nobody listens: 502', async () => {
    const response = await shop.post('/v1/nowhere', {})
    expect(response.status).toBe(502)
    await expectFailed(response, 'upstream_unreachable', null)
  })

  test('too slow to begin, and too slow to end: 504 after the time of the route', async () => {
    const { promise, resolve } = Promise.withResolvers<Response>()
    shop.upstream.respond(() => promise)
    const tooLate = await search()
    resolve(new Response())
    expect(tooLate.status).toBe(504)
    await expectFailed(tooLate, 'upstream_timeout', null)

    shop.upstream.respond(
      () => new Response(new ReadableStream({ start: (c) => c.enqueue(new Uint8Array(10)) })),
    )
    const endless = await search()
    expect(endless.status).toBe(504)
    await expectFailed(endless, 'upstream_timeout', 200)
  })

  test('a metered response that is no JSON: 502, since nobody could say what it costs', async () => {
    shop.upstream.respond(() => new Response('<html>'))
    const response = await shop.post('/v1/extract', { url: 'https://example.com/' })
    expect(response.status).toBe(502)
    await expectFailed(response, 'upstream_failed', 200)
  })
})

describe('the upstream dies', () => {
  const fail: readonly (readonly [string, RawScript, number | null])[] = [
    ['before it responds', (socket) => socket.destroy(), null],
    ['in the head', (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Le'), null],
    ['in a measured body', ends('Content-Length: 9\r\n\r\nhalf'), 200],
    ['in a chunk', ends('Transfer-Encoding: chunked\r\n\r\n9\r\nhalf'), 200],
    ['between chunks', ends('Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'), 200],
    ['speaking no HTTP', (socket) => socket.end('SSH-2.0-OpenSSH\r\n\r\n'), null],
  ]

  test.each(fail)('%s: 502, and it was asked once', async (_, script, status) => {
    raw.respond(script)
    const response = await shop.post('/v1/broken', {})
    expect(response.status).toBe(502)
    await expectFailed(response, 'upstream_failed', status)
    expect(raw.heads).toHaveLength(1)
  })

  test('with a call on a connection that served before: not asked a second time', async () => {
    raw.respond((socket) => {
      if (raw.heads.length === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')
      else socket.destroy()
    })
    expect((await shop.post('/v1/broken', {})).status).toBe(200)
    before = [...(await lots())]
    const response = await shop.post('/v1/broken', {})
    expect(response.status).toBe(502)
    await expectFailed(response, 'upstream_failed', null)
    expect(raw.heads).toHaveLength(2)
  })

  test.each([
    ['its connection is closed', (socket) => void socket.end()],
    ['its connection is reset', (socket) => void socket.resetAndDestroy()],
  ] as [string, RawScript][])(
    'in a long response, %s: the client sees a broken body',
    async (_, die) => {
      const piece = `8000\r\n${'x'.repeat(0x8000)}\r\n`
      let more = () => {}
      let end = () => {}
      raw.respond((socket, head) => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        more = () => void socket.write(piece)
        end = () => die(socket, head)
      })
      const call = rawCall(shop.gateway.url, rawPost('/v1/broken', shop.key.text, {}))
      await until(() => {
        more()
        return call.status !== undefined
      })
      expect(call.status).toBe(200)
      end()
      await call.ended()
      expect(call.closed).toBe(true)
      expect(call.whole).toBe(false)
      const events = await shop.outcomeOf(call.header('x-request-id'), 'HoldReleased')
      expect(events.map((event) => event.type)).toEqual(['CreditsHeld', 'HoldReleased'])
      expect(events[1]?.payload).toEqual({ reason: 'upstream_broke_off' })
    },
  )

  test('in a response that costs nothing: the same, and nothing is said of credits', async () => {
    raw.respond(ends('Content-Length: 9\r\n\r\nhalf'))
    const response = await shop.fetch('/v1/broken')
    expect(response.status).toBe(502)
    expect(response.headers.has('x-credits-charged')).toBe(false)
    raw.respond(ends(`Content-Length: 999999\r\n\r\n${'x'.repeat(500_000)}`))
    // Where nothing of it had been sent yet, it becomes a refusal.
    const long = await shop.fetch('/v1/broken').then(
      (response) => (response.status === 502 ? 'refused' : response.bytes().catch(() => 'broken')),
      () => 'broken',
    )
    expect(long).toBeOneOf(['broken', 'refused'])
  })

  function ends(rest: string): RawScript {
    return (socket) => void socket.end(`HTTP/1.1 200 OK\r\n${rest}`)
  }
})

describe('the upstream succeeds', () => {
  test.each([200, 201, 202, 204])('with %i: charged', async (status) => {
    shop.upstream.respond(() => new Response(status === 204 ? null : '{}', { status }))
    const response = await search()
    expect(response.status).toBe(status)
    expect(response.headers.get('x-credits-charged')).toBe('1')
    const events = await shop.eventsOf(response.headers.get('x-request-id'))
    expect(events.at(-1)).toMatchObject({ type: 'HoldSettled', status })
  })

  test('compressed: passed on as it is', async () => {
    const packed = gzipSync('{"long":"response"}')
    const headers = { 'content-encoding': 'gzip', 'content-type': 'application/json' }
    shop.upstream.respond(() => new Response(packed, { headers }))
    const init = { headers: { 'accept-encoding': 'gzip' }, decompress: false }
    const response = await shop.post('/v1/search', { query: 'q' }, init)
    expect(response.headers.get('content-encoding')).toBe('gzip')
    expect(Buffer.from(await response.bytes())).toEqual(packed)
    expect(gunzipSync(packed).toString()).toBe('{"long":"response"}')
  })

  test('with the announced length of something else: what its connection says holds', async () => {
    const chunks = 'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nwhole\r\n0\r\n\r\n'
    raw.respond((socket) => void socket.write(`HTTP/1.1 200 OK\r\n${chunks}`))
    const response = await shop.post('/v1/broken', {})
    expect(await response.text()).toBe('whole')
  })

  test('a test key is never sent to the live upstream', async () => {
    const key = await shop.ledger.key(shop.account, { mode: 'test' })
    shop.upstream.respond(() => Response.json({}))
    const response = await shop.post('/v1/search', { query: 'q' }, { key: key.text })
    expect(response.status).toBe(502)
    expect((await response.json()).code).toBe('upstream_unreachable')
    expect(shop.upstream.executed).toHaveLength(0)
  })

  test('a response from the configuration can be sold too', async () => {
    const response = await shop.fetch('/v1/static')
    expect(await response.json()).toEqual({ sold: true })
    expect(response.headers.get('x-credits-charged')).toBe('1')
  })
})
