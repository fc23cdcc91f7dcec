/**
 * A client can make an upstream break off, once he has nearly all that he wants of it: he counts as one who left. Both ends are
 * bare sockets.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { createServer, type Socket } from 'node:net'
import { event, tokenPrice, tokens } from '../support/chat.ts'
import { rawCall, rawPost } from '../support/raw-client.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'

const piece = 'R'.repeat(100_000)
const chunk = `${piece.length.toString(16)}\r\n${piece}\r\n`
const chunkedHead = (type: string) =>
  `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`

let onRequest: (socket: Socket, received: string) => void = () => {}
const sockets = new Set<Socket>()
const upstream = createServer((socket) => {
  let received = ''
  sockets.add(socket)
  socket.on('error', () => {})
  socket.on('data', (data) => {
    received += data.toString('latin1')
    if (received.includes('\r\n\r\n')) onRequest(socket, received)
  })
})

let shop: Shop
beforeAll(async () => {
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const address = upstream.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const price = { per: 'request', credits: 7 }
  const upload = { methods: ['PUT'], request: { raw: ['text/plain'] }, maxBodyBytes: 10_000, price }
  const streamed = { methods: ['POST'], request: { json: {} }, streams: { when: asked } }
  shop = await openShop({
    dedicatedHolds: true,
    config: {
      limits: { maxBodySeconds: 3 },
      services: { raw: { url: `http://127.0.0.1:${port}` } },
      routes: {
        upload: route('/v1/upload', { ...upload, timeoutMs: 20_000 }),
        'upload-brief': route('/v1/upload-brief', { ...upload, timeoutMs: 2_000 }),
        long: route('/v1/long', { methods: ['GET'], timeoutMs: 20_000, price }),
        chat: route('/v1/chat', {
          ...{ ...streamed, timeoutMs: 20_000, price: tokenPrice },
          chargeWhen: { event: 'message_stop' },
        }),
      },
    },
  })
})
const asked = { pointer: '/stream', equals: true }
afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  await shop.close()
  await new Promise((resolve) => upstream.close(resolve))
})
afterEach(async () => {
  await until(async () => {
    const holds = await shop.ledger.sql`select hold_id from open_holds`
    return holds.length === 0
  })
})

function route(path: string, more: object) {
  return {
    ...{ path, summary: 'x', service: 'raw', upstreamPath: '/x', permission: 'search' },
    ...more,
  }
}

/** How the call ended that is the last in the ledger. */
async function lastOutcome() {
  const [held] = await shop.ledger.sql<{ request_id: string }[]>`
    select request_id from events where type = 'CreditsHeld' order by position desc limit 1`
  const lastEvent = async () => (await shop.eventsOf(held?.request_id)).at(-1)
  await until(async () => /^Hold(Settled|Released)$/.test((await lastEvent())?.type ?? ''))
  const last = await lastEvent()
  return { type: last?.type, credits: last?.credits, payload: last?.payload }
}

const left = {
  ...{ type: 'HoldSettled', credits: 7 },
  payload: { delivered: true, terminatedBy: 'client' },
}
const brokeOff = { type: 'HoldReleased', payload: { reason: 'upstream_broke_off' } }

describe('an upstream that responds at length before the body has arrived', () => {
  /** An upload of 10 bytes of which this much is sent, when a good part of the response has come back. */
  async function upload(path: string, begin: string) {
    onRequest = (socket) => {
      onRequest = () => {}
      socket.write(chunkedHead('text/plain') + chunk.repeat(60))
    }
    const head = [
      ...[`PUT ${path} HTTP/1.1`, 'Host: gateway.test', `X-API-Key: ${shop.key.text}`],
      ...['Content-Type: text/plain', 'Content-Length: 10'],
    ]
    const call = rawCall(shop.gateway.url, `${head.join('\r\n')}\r\n\r\n${begin}`)
    await until(() => call.received.length > 10 * piece.length)
    return call
  }

  test.each([
    ['its time is over', '/v1/upload'],
    ['the upstream’s time is over', '/v1/upload-brief'],
  ])('is paid for when the client withholds the last byte until %s', async (_, path) => {
    const call = await upload(path, '123456789')
    await until(() => call.closed, 15_000)
    expect(call.whole).toBe(false)
    expect(await lastOutcome()).toMatchObject(left)
  })

  test('is paid for when it loses its patience with him', async () => {
    const call = await upload('/v1/upload', '123456789')
    const beganAtMs = performance.now()
    await until(() => performance.now() - beganAtMs > 1_200)
    for (const socket of sockets) socket.resetAndDestroy()
    await until(() => call.closed)
    expect(await lastOutcome()).toMatchObject(left)
  })

  test('is not paid for when it breaks off by itself, the body being there', async () => {
    const call = await upload('/v1/upload', '1234567890')
    for (const socket of sockets) socket.resetAndDestroy()
    await until(() => call.closed)
    expect(await lastOutcome()).toMatchObject(brokeOff)
  })
})

describe('a long response that its client does not read', () => {
  /** Sends parts while they are taken, and resets the connection when for 1.2 seconds none is, or when told to. */
  function patient(head: string, part: string, parts: number) {
    const state = { hasReset: false, reset: () => {} }
    onRequest = (socket) => {
      onRequest = () => {}
      let sent = 0
      let patience: ReturnType<typeof setTimeout> | undefined
      state.reset = () => {
        state.hasReset = true
        socket.resetAndDestroy()
      }
      const go = () => {
        clearTimeout(patience)
        while (sent < parts && !state.hasReset) {
          sent++
          if (socket.write(part)) continue
          patience = setTimeout(state.reset, 1_200)
          return void socket.once('drain', go)
        }
      }
      socket.write(head)
      go()
    }
    return state
  }

  /** A call whose client counts what arrives. */
  function begin(text: string) {
    const call = rawCall(shop.gateway.url, text)
    const counted = { call, bytes: 0 }
    call.socket.removeAllListeners('data')
    call.socket.on('data', (data: Buffer) => {
      counted.bytes += data.length
    })
    return counted
  }

  const get = () =>
    `GET /v1/long HTTP/1.1\r\nHost: gateway.test\r\nX-API-Key: ${shop.key.text}\r\n\r\n`

  test('is paid for when the upstream’s patience ends, however much of it he reads then', async () => {
    const state = patient(chunkedHead('text/plain'), chunk, 1_500)
    const client = begin(get())
    await until(() => client.bytes > 10 * piece.length)
    client.call.socket.pause()
    await until(() => state.hasReset, 20_000)
    client.call.socket.resume()
    await until(() => client.call.closed, 20_000)
    expect(await lastOutcome()).toMatchObject(left)
  })

  test('is not paid for when the upstream breaks off while he reads', async () => {
    const state = patient(chunkedHead('text/plain'), chunk, 20)
    const client = begin(get())
    await until(() => client.bytes > 10 * piece.length)
    state.reset()
    await until(() => client.call.closed)
    expect(await lastOutcome()).toMatchObject(brokeOff)
  })

  test('is paid for as a stream, too, whose price waits for an event', async () => {
    const framed = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
    const head = chunkedHead('text/event-stream') + framed(tokens(20))
    const state = patient(head, framed(event({ padding: piece })), 1_500)
    const client = begin(rawPost('/v1/chat', shop.key.text, { stream: true, max_tokens: 1_000 }))
    await until(() => client.bytes > 3 * piece.length)
    client.call.socket.pause()
    await until(() => state.hasReset, 20_000)
    client.call.socket.resume()
    const { type, credits, payload } = await lastOutcome()
    expect([type, payload]).toMatchObject(['HoldSettled', { terminatedBy: 'client' }])
    expect(credits).toBe(21)
  })
})
