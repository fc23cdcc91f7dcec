/** What crosses the gateway in either direction, and what does not. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { rawCall } from '../support/raw-client.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { type RawUpstream, startRawUpstream } from '../support/upstream.ts'

let shop: Shop
let raw: RawUpstream
beforeAll(async () => {
  raw = await startRawUpstream()
  const services = { search: { url: raw.url } }
  shop = await openShop({ config: { services }, upstreamUrl: raw.url })
})
afterAll(async () => {
  await shop.close()
  await raw.stop()
})

/** Sends a search with these headers, to which the upstream responds with those; returns what each side got. */
async function cross(clients: readonly string[], services: readonly string[] = []) {
  raw.respond((socket) =>
    socket.write(['HTTP/1.1 200 OK', 'Content-Length: 2', ...services, '', '{}'].join('\r\n')),
  )
  const head = [
    'POST /v1/search?debug=a%2Fb&x=1 HTTP/1.1',
    'Host: gateway.test',
    'Content-Type: application/json',
    'Content-Length: 13',
    ...clients,
  ]
  const call = rawCall(shop.gateway.url, `${head.join('\r\n')}\r\n\r\n{"query":"q"}`)
  await call.ended()
  call.socket.destroy()
  expect(call.status).toBe(200)
  const [requestLine, ...lines] = (raw.heads.at(-1) ?? '').split('\r\n')
  const toService = new Headers(lines.map((line) => line.split(': ') as [string, string]))
  return { call, requestLine, toService }
}

const asKey = () => `X-API-Key: ${shop.key.text}`

describe('to the service', () => {
  test('go the configured path, the query as it was sent, and the headers of the client', async () => {
    const language = 'Accept-Language: pt-BR'
    const { requestLine, toService } = await cross([asKey(), language, 'X-Mine: 1'])
    expect(requestLine).toBe('POST /api/v1/search?debug=a%2Fb&x=1 HTTP/1.1')
    expect(toService.get('accept-language')).toBe('pt-BR')
    expect(toService.get('x-mine')).toBe('1')
    expect(toService.get('host')).toBe(new URL(raw.url).host)
  })

  test('goes the id of the call, whatever id the client sent', async () => {
    const { call, toService } = await cross([asKey(), 'X-Request-Id: mine'])
    expect(toService.get('x-request-id')).toBe(call.header('x-request-id') ?? '')
    expect(toService.get('x-request-id')).toMatch(/^[\da-f-]{36}$/)
  })

  test.each(['X-API-Key: KEY', 'Authorization: Bearer KEY'])('goes no key: %s', async (shown) => {
    await cross([shown.replace('KEY', shop.key.text), 'Cookie: session=1'])
    expect(raw.heads[0]).not.toContain(shop.key.text)
    expect(raw.heads[0]?.toLowerCase()).not.toContain('cookie')
  })

  test('goes nothing that only the gateway may say, that is about the connection, or would change what is sold', async () => {
    const names = [
      ...['X-Credits-Charged', 'X-Credits-Remaining', 'X-Ledger-Position', 'X-RateLimit-Limit'],
      ...['X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Port', 'X-Real-IP', 'Forwarded'],
      ...['Via', 'Keep-Alive', 'TE', 'Trailer', 'Proxy-Authorization', 'Proxy-Connection'],
      ...['Range', 'If-None-Match', 'If-Modified-Since', 'Idempotency-Key'],
      ...['X-HTTP-Method-Override', 'X-Original-URL', 'X-Rewrite-URL'],
    ]
    const { toService } = await cross([asKey(), ...names.map((name) => `${name}: 1`)])
    expect(names.filter((name) => toService.has(name))).toEqual([])
  })

  test('goes nothing that Connection names', async () => {
    const clients = [asKey(), 'Connection: keep-alive, X-Hop , x-request-id', 'X-Hop: 1']
    const { call, toService } = await cross(clients)
    expect(toService.has('x-hop')).toBe(false)
    expect(toService.get('x-request-id')).toBe(call.header('x-request-id') ?? '')
  })

  test('goes the wish for compression as the client has it, and none of our own', async () => {
    expect((await cross([asKey()])).toService.has('accept-encoding')).toBe(false)
    const wish = await cross([asKey(), 'Accept-Encoding: br'])
    expect(wish.toService.get('accept-encoding')).toBe('br')
  })
})

describe('to the client', () => {
  test('come the headers of the service', async () => {
    const services = ['Content-Type: application/json', 'X-Voice: one', 'Cache-Control: no-cache']
    const { call } = await cross([asKey()], services)
    expect(call.header('x-voice')).toBe('one')
    expect(call.header('cache-control')).toBe('no-cache')
    expect(call.header('content-type')).toBe('application/json')
  })

  test('comes nothing that only the gateway may say, that sets state, or that is about the connection', async () => {
    const { call } = await cross(
      [asKey()],
      [
        ...['X-Credits-Charged: 0', 'X-Credits-Remaining: 7', 'X-Ledger-Position: 9-9'],
        ...['X-Request-Id: theirs', 'X-RateLimit-Limit: 1', 'RateLimit: "x";r=0'],
        ...['X-RateLimit-Degraded: true', 'X-Error-Source: upstream', 'Set-Cookie: a=1'],
        ...['Access-Control-Allow-Origin: *', 'Alt-Svc: h3=":1"', 'Keep-Alive: timeout=1'],
        ...['Connection: keep-alive, X-Hop', 'X-Hop: 1', 'Proxy-Authenticate: Basic'],
      ],
    )
    expect(call.header('x-credits-charged')).toBe('1')
    expect(call.header('x-credits-remaining')).not.toBe('7')
    expect(call.header('x-ledger-position')).not.toBe('9-9')
    expect(call.header('x-request-id')).not.toBe('theirs')
    expect(call.header('x-ratelimit-limit')).toBe('100')
    for (const name of [
      ...['x-ratelimit-degraded', 'x-error-source', 'set-cookie', 'access-control-allow-origin'],
      ...['alt-svc', 'keep-alive', 'x-hop', 'proxy-authenticate'],
    ]) {
      expect([name, call.header(name)]).toEqual([name, undefined])
    }
  })
})
