/**
 * Of a relayed response a client has nothing, or its head with the framing of the body, at every instant: whenever its
 * gateway dies, no client takes what arrived for a whole response.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Socket } from 'node:net'
import { chat, chatConfig, done, tokenPrice, tokens } from '../support/chat.ts'
import { type RawCall, rawCall, rawPost } from '../support/raw-client.ts'
import { startGatewayProcess } from '../support/running-gateway.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'
import { type RawUpstream, startRawUpstream } from '../support/upstream.ts'

const config = {
  ...chatConfig({ price: tokenPrice }),
  limits: { maxBufferedBytes: 20 },
  plans: { pro: { rateLimit: 100_000, maxInFlight: 1_000 } },
}
const bytePrice = { per: 'byte', unit: 100, credits: 1, hold: { text: null, step: 100 } }
const routes = { ...config.routes, 'tts-synthesize': { price: bytePrice } }

let shop: Shop
let upstream: RawUpstream
beforeAll(async () => {
  upstream = await startRawUpstream()
  shop = await openShop({ config: { ...config, routes }, upstreamUrl: upstream.url })
})
afterAll(async () => {
  await shop.close()
  await upstream.stop()
})

const text = 'x'.repeat(40)
const engines = () =>
  `GET /v1/search/engines HTTP/1.1\r\nHost: t\r\nX-API-Key: ${shop.key.text}\r\n\r\n`

interface Way {
  readonly request: () => string
  readonly type: string
  /** What the upstream sends, piece by piece. */
  readonly pieces: readonly [string, string]
  /** After so many of them the gateway relays, and waits for more before anything can leave. */
  readonly beforeFirst: 0 | 1
}

const bytes = { type: 'audio/mpeg', pieces: [text, text] } as const
const post = (path: string, json: unknown) => () => rawPost(path, shop.key.text, json)
const ways: Readonly<Record<string, Way>> = {
  'whose tail is withheld': {
    ...bytes,
    request: post('/v1/search', { query: 'q' }),
    beforeFirst: 1,
  },
  'of a free call': { ...bytes, request: engines, beforeFirst: 1 },
  'by the byte': { ...bytes, request: post('/v1/tts/synthesize', { text: 'a' }), beforeFirst: 0 },
  'by the token': {
    ...{ type: 'text/event-stream', pieces: [tokens(1), done], beforeFirst: 0 },
    request: post('/v1/chat/completions', chat),
  },
}

/** The upstream's sockets, in the order of the calls. It sends its head, and the first pieces. */
function respondWith(type: string, pieces: readonly string[]): Socket[] {
  const sockets: Socket[] = []
  upstream.respond((socket) => {
    sockets.push(socket)
    socket.write(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`)
    for (const piece of pieces) send(socket, piece)
  })
  return sockets
}

function send(socket: Socket | undefined, piece: string): void {
  socket?.write(`${piece.length.toString(16)}\r\n${piece}\r\n`)
}

function end(socket: Socket | undefined): void {
  socket?.write('0\r\n\r\n')
}

/** A call, and what of its response has arrived each time that anything does. */
function watched(url: string, request: string): { call: RawCall; instants: Buffer[] } {
  const call = rawCall(url, request)
  const instants: Buffer[] = []
  call.socket.on('data', () => instants.push(call.received))
  return { call, instants }
}

const wholeHead =
  /^HTTP\/1\.1 \d{3} [\s\S]*^(Transfer-Encoding: chunked|Content-Length: \d+)\r\n([\s\S]*?\r\n)?\r\n/im
const isWhole = (received: Buffer) => wholeHead.test(received.toString('latin1'))

/** Resolves when whatever the gateway had to send for earlier calls is sent. */
async function pass(url: string): Promise<void> {
  for (const _ of [1, 2, 3])
    await fetch(`${url}/v1/key`, { headers: { 'x-api-key': shop.key.text } })
}

describe.each(Object.entries(ways))('a response %s', (_, way) => {
  const { request, type, pieces, beforeFirst } = way

  /** A call of which the gateway has all that the upstream sent, and waits for more. */
  async function begin(sent: number) {
    const sockets = respondWith(type, pieces.slice(0, sent))
    const { call, instants } = watched(shop.gateway.url, request())
    await until(() => sockets.length === 1)
    await pass(shop.gateway.url)
    return { call, instants, socket: sockets[0] }
  }

  test.each([0, 1])(
    'has no part of a head when the upstream stops after %d pieces',
    async (sent) => {
      const { call, instants, socket } = await begin(sent)
      for (const piece of pieces.slice(sent)) {
        send(socket, piece)
        await pass(shop.gateway.url)
      }
      end(socket)
      await call.ended()
      expect(instants.filter((received) => !isWhole(received)).map(String)).toEqual([])
      expect(call.whole).toBe(true)
      expect(call.body.toString()).toBe(pieces.join(''))
      call.socket.destroy()
    },
  )

  test('that breaks off before any of it was sent is a refusal', async () => {
    const { call, socket } = await begin(beforeFirst)
    socket?.destroy()
    await call.ended()
    call.socket.destroy()
    // A stream ends with an event that says so.
    expect(call.status).toBe(type === 'text/event-stream' ? 200 : 502)
    expect(call.body.toString()).toContain('"code":"upstream_failed"')
  })

  test('that its client leaves before any of it was sent is cancelled', async () => {
    const { call, socket } = await begin(beforeFirst)
    call.socket.destroy()
    await until(() => socket?.destroyed === true)
  })
})

test('a gateway that is killed leaves no response that looks whole', async () => {
  const gateway = await startGatewayProcess({
    ...{ databaseUrl: shop.ledger.url, upstream: upstream.url, config: { ...config, routes } },
  })
  const { request, type } = ways['by the byte'] as Way
  const sockets = respondWith(type, [])
  const calls = Array.from({ length: 40 }, () => watched(gateway.url, request()))
  const common = fetch(`${gateway.url}/v1/tts/synthesize`, {
    ...{ method: 'POST', body: JSON.stringify({ text: 'a' }) },
    headers: { 'x-api-key': shop.key.text, 'content-type': 'application/json' },
  }).then((response) => response.bytes())
  common.catch(() => {})
  await until(() => sockets.length === 41)
  await pass(gateway.url)
  // One piece of bytes is withheld until the next comes, so some responses have begun, and others have not.
  for (const sent of [1, 2]) {
    for (const [i, socket] of sockets.entries()) if (i % 3 >= sent) send(socket, text)
    await pass(gateway.url)
  }
  await until(() => calls.some(({ instants }) => instants.length > 0))
  await gateway.kill()
  await Promise.all(calls.map(({ call }) => call.ended()))
  for (const { call, instants } of calls) {
    expect(instants.filter((received) => !isWhole(received)).map(String)).toEqual([])
    expect(call.whole).toBe(false)
  }
  await expect(common).rejects.toThrow()
})
