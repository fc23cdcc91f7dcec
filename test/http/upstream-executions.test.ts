/** How often an upstream executes a call: once, whatever becomes of the connection. Upstreams are counted on bare sockets. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Socket } from 'node:net'
import { freePort } from '../../src/postgres/free-port.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { type RawUpstream, startRawUpstream } from '../support/upstream.ts'

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
const prices = { free: { per: 'free' }, priced: { per: 'request', credits: 1 } }

let shop: Shop
let first: RawUpstream
let second: RawUpstream

beforeAll(async () => {
  first = await startRawUpstream()
  second = await startRawUpstream()
  const nobody = `http://127.0.0.1:${await freePort()}`
  const services = {
    one: { url: first.url },
    several: { targets: [nobody, first.url, second.url] },
    gone: { targets: [nobody, nobody] },
  }
  const routes = Object.fromEntries(
    Object.keys(services).flatMap((service) =>
      methods.flatMap((method) =>
        Object.entries(prices).map(([name, price]) => [
          `${service}-${method}-${name}`,
          {
            ...{ method, path: `/v1/${service}/${name}`, summary: 'x', permission: 'search' },
            ...{ service, upstreamPath: '/x', price },
            ...(method !== 'GET' && method !== 'DELETE' && { request: { json: {} } }),
          },
        ]),
      ),
    ),
  )
  const plans = { pro: { rateLimit: 1_000_000 } }
  shop = await openShop({ config: { services, routes, plans } })
})
afterAll(async () => {
  await shop.close()
  await first.stop()
  await second.stop()
})

function send(method: string, path: string): Promise<Response> {
  const hasBody = method !== 'GET' && method !== 'DELETE'
  return shop.fetch(path, {
    method,
    ...(hasBody && { body: '{"a":1}', headers: { 'content-type': 'application/json' } }),
  })
}

const serve = (socket: Socket) =>
  void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')

const endings: readonly (readonly [string, (socket: Socket) => void])[] = [
  ['is reset', (socket) => socket.resetAndDestroy()],
  ['is closed', (socket) => socket.destroy()],
  ['ends in the head', (socket) => void socket.end('HTTP/1.1 200 O')],
]

describe.each(Object.keys(prices))('of a call that is %s', (price) => {
  describe.each(endings)('a connection that served before and then %s', (_, end) => {
    test.each([...methods])('%s is executed once', async (method) => {
      first.respond((socket) => (first.heads.length <= 2 ? serve(socket) : end(socket)))
      for (const _ of [1, 2]) expect((await send(method, `/v1/one/${price}`)).status).toBe(200)
      const response = await send(method, `/v1/one/${price}`)
      expect(response.status).toBe(502)
      expect(await response.json()).toMatchObject({ code: 'upstream_failed' })
      expect(first.heads).toHaveLength(3)
    })
  })

  describe('with several targets', () => {
    test.each([...methods])(
      '%s goes to the first one that accepts the connection',
      async (method) => {
        first.respond(serve)
        second.respond(serve)
        const response = await send(method, `/v1/several/${price}`)
        expect(response.status).toBe(200)
        expect([first.heads.length, second.heads.length]).toEqual([1, 0])
      },
    )

    test.each([...methods])('%s goes to no other one once it was sent', async (method) => {
      second.respond(serve)
      for (const [, end] of endings) {
        first.respond((socket) => (first.heads.length === 1 ? serve(socket) : end(socket)))
        expect((await send(method, `/v1/several/${price}`)).status).toBe(200)
        expect((await send(method, `/v1/several/${price}`)).status).toBe(502)
        expect([first.heads.length, second.heads.length]).toEqual([2, 0])
      }
    })

    test('where none accepts it, it fails, uncharged', async () => {
      const response = await send('POST', `/v1/gone/${price}`)
      expect(response.status).toBe(502)
      expect(await response.json()).toMatchObject({ code: 'upstream_unreachable' })
    })
  })
})

test.each([...methods])(
  '%s: an upstream that dies on a call and then accepts nothing is not followed by another',
  async (method) => {
    const dying = await startRawUpstream()
    second.respond(serve)
    const services = { dying: { targets: [dying.url, second.url] } }
    const request = method !== 'GET' && method !== 'DELETE' ? { request: { json: {} } } : {}
    const routes = {
      dying: {
        ...{ method, path: '/v1/dying', summary: 'x', permission: 'search', service: 'dying' },
        ...{ upstreamPath: '/x', price: prices.priced, ...request },
      },
    }
    const other = await openShop({ config: { services, routes } })
    const call = () =>
      other.fetch('/v1/dying', {
        method,
        ...('request' in request && {
          ...{ body: '{}', headers: { 'content-type': 'application/json' } },
        }),
      })
    dying.respond((socket) => {
      if (dying.heads.length === 1) return serve(socket)
      // It stops listening before the connection is reset, so that whoever connects again is refused.
      dying.stop()
    })
    expect((await call()).status).toBe(200)
    const response = await call()
    expect(response.status).toBe(502)
    expect(second.heads).toHaveLength(0)
    expect(await response.json()).toMatchObject({ code: 'upstream_failed' })
    await other.close()
  },
)
