/** Bodies that are sent to the upstream while they arrive. Both ends are bare sockets. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { createServer, type Socket } from 'node:net'
import { rawCall } from '../support/raw-client.ts'
import { startTestGateway } from '../support/running-gateway.ts'
import { openShop, type Shop } from '../support/shop.ts'
import type { ConfigChanges } from '../support/test-config.ts'
import { until } from '../support/until.ts'

/** A connection to the upstream, and all that came over it. */
interface Connection {
  readonly socket: Socket
  readonly received: string
  readonly isClosed: boolean
}

const done = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const mebibyte = 1_048_576

let connections: Connection[] = []
let onData: (socket: Socket, received: string) => void
const upstream = createServer((socket) => {
  let received = ''
  let isClosed = false
  connections.push({
    socket,
    get received() {
      return received
    },
    get isClosed() {
      return isClosed
    },
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    isClosed = true
  })
  socket.on('data', (data) => {
    received += data.toString('latin1')
    onData(socket, received)
  })
})

const poor = {
  ...{ rateLimit: 100, windowMs: 60_000, credits: 5, maxInFlight: 10 },
  ...{ endpoints: 'all', fee: { minorUnits: 0, currency: 'EUR' } },
}

let config: ConfigChanges
let shop: Shop
beforeAll(async () => {
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const address = upstream.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const perByte = { per: 'byte', of: 'request', unit: 1, credits: 1 }
  config = {
    limits: { maxBodySeconds: 5 },
    plans: { poor },
    services: {
      raw: { url: `http://127.0.0.1:${port}` },
      second: { targets: ['http://127.0.0.1:1', `http://127.0.0.1:${port}`] },
    },
    routes: {
      upload: route('/v1/upload', perByte),
      'upload-second': { ...route('/v1/upload-second', perByte), service: 'second' },
      'upload-free': route('/v1/upload-free', { per: 'free' }),
      large: {
        ...route('/v1/large', { per: 'request', credits: 1 }),
        ...{ maxBodyBytes: 256 * mebibyte, timeoutMs: 3_000 },
      },
    },
  }
  shop = await openShop({ config })
})
afterAll(async () => {
  for (const { socket } of connections) socket.destroy()
  await shop.close()
  await new Promise((resolve) => upstream.close(resolve))
})
beforeEach(() => {
  for (const { socket } of connections) socket.destroy()
  connections = []
  onData = (socket, received) => {
    if (received.endsWith('END')) socket.write(done)
  }
})
afterEach(async () => {
  await until(async () => {
    const holds = await shop.ledger.sql`select hold_id from open_holds`
    return holds.length === 0
  })
})

function route(path: string, price: object) {
  return {
    ...{ methods: ['PUT', 'POST'], path, summary: 'x', service: 'raw', upstreamPath: '/x' },
    ...{ permission: 'search', request: { raw: ['text/plain'] }, maxBodyBytes: 1_000, price },
    timeoutMs: 2_000,
  }
}

/** Sends the head of an upload of so many bytes, and the first of them. */
function upload(
  length: number,
  begin: string,
  {
    method = 'PUT',
    path = '/v1/upload',
    more = [] as string[],
    key = shop.key.text,
    gateway = shop.gateway.url,
  } = {},
) {
  const head = [
    `${method} ${path} HTTP/1.1`,
    'Host: gateway.test',
    `X-API-Key: ${key}`,
    'Content-Type: text/plain',
    `Content-Length: ${length}`,
    ...more,
  ]
  return rawCall(gateway, `${head.join('\r\n')}\r\n\r\n${begin}`)
}

const bodyOf = ({ received }: Connection) => received.slice(received.indexOf('\r\n\r\n') + 4)

/** The connection over which the upstream got this much of a body. */
async function received(body: string): Promise<Connection> {
  await until(() => connections.some((one) => bodyOf(one) === body))
  return connections.find((one) => bodyOf(one) === body) as Connection
}

const lastCall = async () => {
  const [event] = await shop.ledger.sql<{ request_id: string }[]>`
    select request_id from events where type = 'CreditsHeld' order by position desc limit 1`
  return event?.request_id
}

describe('a body whose length is said', () => {
  test('arrives at the upstream while it is sent, under that length, and is sold by it', async () => {
    const call = upload(10, 'begin')
    const connection = await received('begin')
    expect(connection.received).toMatch(/^PUT \/x HTTP\/1\.1\r\n/)
    expect(connection.received).toMatch(/\r\nContent-Length: 10\r\n/i)
    expect(connection.received).toMatch(/\r\nContent-Type: text\/plain\r\n/i)
    expect(connection.received).not.toMatch(/transfer-encoding/i)
    const [held] = await shop.eventsOf(await lastCall())
    expect(held).toMatchObject({ type: 'CreditsHeld', credits: 10, quantity: 10 })
    call.socket.write('..END')
    await call.ended()
    expect([call.status, call.body.toString()]).toEqual([200, 'ok'])
    expect(call.header('x-credits-charged')).toBe('10')
    expect(bodyOf(connection)).toBe('begin..END')
    expect(connections).toHaveLength(1)
    call.socket.destroy()
  })

  test('of any size arrives byte for byte', async () => {
    const bytes = new Uint8Array(8 * mebibyte).map((_, index) => (index * 7 + (index >> 9)) % 251)
    const call = upload(bytes.length + 3, '', { path: '/v1/large' })
    await until(() => connections.length === 1)
    call.socket.write(bytes)
    call.socket.write('END')
    await call.ended()
    expect(call.status).toBe(200)
    const [connection] = connections
    const expected = `${Buffer.from(bytes).toString('latin1')}END`
    expect(connection && bodyOf(connection) === expected).toBe(true)
    call.socket.destroy()
  })

  test('takes no lease, because it can outlive one', async () => {
    const calls = Array.from({ length: 15 }, () => upload(10, 'begin'))
    await until(() => connections.filter((one) => bodyOf(one) === 'begin').length === 15)
    const key = shop.key.keyId
    const holds = await shop.ledger.sql`
      select 1 from events where type = 'CreditsHeld' and key_id = ${key} and endpoint is null`
    expect(holds).toHaveLength(0)
    for (const call of calls) call.socket.write('..END')
    for (const call of calls) {
      await call.ended()
      expect(call.status).toBe(200)
      call.socket.destroy()
    }
  })

  test('a second call over the same connection is one of its own', async () => {
    const call = upload(3, 'END')
    await call.ended()
    call.socket.write(
      `PUT /v1/upload HTTP/1.1\r\nHost: x\r\nX-API-Key: ${shop.key.text}\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\n.END`,
    )
    await call.responses(2)
    expect(call.received.toString().match(/^X-Credits-Charged: \d/gim)).toEqual([
      'X-Credits-Charged: 3',
      'X-Credits-Charged: 4',
    ])
    call.socket.destroy()
  })

  test('of a call that is free is sent on just so', async () => {
    const call = upload(10, 'begin', { path: '/v1/upload-free' })
    await received('begin')
    call.socket.write('..END')
    await call.ended()
    expect(call.status).toBe(200)
    call.socket.destroy()
  })

  test('and is waited for with Expect: 100-continue', async () => {
    const call = upload(3, '', { more: ['Expect: 100-continue'] })
    await until(() => /^HTTP\/1\.1 100 /.test(call.received.toString()))
    call.socket.write('END')
    await call.responses(1)
    expect(call.received.toString()).toMatch(/\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
    expect(connections[0]?.received).not.toMatch(/expect:/i)
    call.socket.destroy()
  })
})

describe('a body that does not arrive whole', () => {
  test('breaks off the request to the upstream, and nobody is charged', async () => {
    const call = upload(10, 'begin')
    const connection = await received('begin')
    const requestId = await lastCall()
    call.socket.destroy()
    await until(() => connection.isClosed)
    const [, released] = await shop.outcomeOf(requestId, 'HoldReleased')
    expect(released?.payload).toEqual({ reason: 'request_broke_off' })
    expect(bodyOf(connection)).toBe('begin')
    expect(connections).toHaveLength(1)
  })

  test('when only one half of the connection is closed', async () => {
    const call = upload(10, 'begin')
    const connection = await received('begin')
    const requestId = await lastCall()
    call.socket.end()
    await until(() => connection.isClosed)
    const [, released] = await shop.outcomeOf(requestId, 'HoldReleased')
    expect(released?.payload).toEqual({ reason: 'request_broke_off' })
  })

  test('in time is refused, and its connection closed', async () => {
    const call = upload(10, 'begin')
    const connection = await received('begin')
    await call.ended()
    expect(call.status).toBe(408)
    expect(call.header('x-credits-charged')).toBe('0')
    await until(() => call.closed && connection.isClosed)
    const [, released] = await shop.outcomeOf(call.header('x-request-id'), 'HoldReleased')
    expect(released?.payload).toEqual({ reason: 'request_broke_off' })
    expect(bodyOf(connection)).toBe('begin')
  })

  test('before its gateway stops costs nothing', async () => {
    const databaseUrl = shop.ledger.url
    const gateway = await startTestGateway({ databaseUrl, config, upstream: shop.upstream.url })
    const call = upload(10, 'begin', { gateway: gateway.url })
    const connection = await received('begin')
    const requestId = await lastCall()
    await gateway.stop(100)
    await until(() => call.closed && connection.isClosed)
    expect(bodyOf(connection)).toBe('begin')
    const events = await shop.outcomeOf(requestId, 'HoldReleased')
    expect(events).toHaveLength(2)
  })

  test('of a free call breaks off, too', async () => {
    const call = upload(10, 'begin', { path: '/v1/upload-free' })
    const connection = await received('begin')
    call.socket.destroy()
    await until(() => connection.isClosed)
    expect(bodyOf(connection)).toBe('begin')
  })
})

describe('an upstream', () => {
  test('at which nobody listens is passed over for the next, which gets the whole body', async () => {
    const call = upload(10, 'begin..END', { path: '/v1/upload-second' })
    await call.ended()
    expect(call.status).toBe(200)
    expect(connections.map(bodyOf)).toEqual(['begin..END'])
    call.socket.destroy()
  })

  test('that closes a connection it had kept is not sent the body a second time', async () => {
    const method = 'POST'
    const respond = onData
    const requests = () =>
      connections.flatMap(({ received }) => received.match(/POST \/x/g) ?? []).length
    // Until a call comes over a connection that was kept: on a busy machine it can be too late for it.
    for (let isKept = false; !isKept; ) {
      onData = respond
      const first = upload(3, 'END', { method })
      await first.ended()
      first.socket.destroy()
      const before = { requests: requests(), connections: connections.length }
      onData = (socket) => socket.destroy()
      const call = upload(10, 'begin..END', { method })
      await call.ended()
      expect(call.status).toBe(502)
      expect(call.header('x-credits-charged')).toBe('0')
      expect(requests()).toBe(before.requests + 1)
      isKept = connections.length === before.connections
      call.socket.destroy()
    }
  })

  test('that dies while the body arrives is to blame, and not its client', async () => {
    onData = (socket, all) => {
      if (all.endsWith('begin')) socket.destroy()
    }
    const call = upload(10, 'begin')
    await call.begun()
    expect(call.status).toBe(502)
    const [, released] = await shop.outcomeOf(call.header('x-request-id'), 'HoldReleased')
    expect(released?.payload).toEqual({ reason: 'upstream_failed' })
    call.socket.destroy()
  })

  test('that refuses before the body has arrived is heard, and nobody is charged', async () => {
    onData = (socket) =>
      socket.end('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno')
    const call = upload(10, 'begin')
    await call.begun()
    expect(call.status).toBe(413)
    expect(call.header('x-error-source')).toBe('upstream')
    expect(call.header('x-credits-charged')).toBe('0')
    call.socket.destroy()
  })

  // The gateway keeps the connections of a POST for the calls to come.
  describe.each(['PUT', 'POST'])('that responds to a %s before the body has arrived', (method) => {
    const early = (status: string) => {
      onData = (socket, all) => {
        if (all.endsWith('begin')) socket.write(done.replace('200 OK', status))
        else if (all.endsWith('END')) socket.write(done)
      }
      return upload(20, 'begin', { method })
    }
    const others = async () => {
      const calls = Array.from({ length: 3 }, () => upload(3, 'END', { method }))
      for (const other of calls) {
        await other.ended()
        expect(other.status).toBe(200)
        other.socket.destroy()
      }
    }

    test.each(['200 OK', '413 Too Large'])(
      '%s gets no other call in place of the rest',
      async (status) => {
        const call = early(status)
        await call.begun()
        expect(call.status).toBe(Number(status.slice(0, 3)))
        await others()
        expect(bodyOf(connections[0] as Connection)).toBe('begin')
        call.socket.destroy()
        await until(() => connections[0]?.isClosed === true)
      },
    )

    test('gets no other call before the rest, which may still come', async () => {
      const call = early('200 OK')
      await call.ended()
      call.socket.write('..more')
      await others()
      call.socket.write('.....last')
      await others()
      expect(bodyOf(connections[0] as Connection)).toMatch(/^begin(\.\.more(\.\.\.\.\.last)?)?$/)
      call.socket.destroy()
    })
  })

  test('that does not read holds up its client, fills no memory, and has its time', async () => {
    onData = (socket) => socket.pause()
    const size = 192 * mebibyte
    const call = upload(size, '', { path: '/v1/large' })
    await until(() => connections.length === 1)
    const before = process.memoryUsage().rss
    const piece = Buffer.alloc(mebibyte, '.')
    let sent = 0
    const pump = () => {
      while (sent < size) {
        sent += piece.length
        if (!call.socket.write(piece)) return void call.socket.once('drain', pump)
      }
    }
    pump()
    // It stands still once the buffers in between are full.
    let [last, times] = [-1, 0]
    await until(() => {
      times = sent === last ? times + 1 : 0
      last = sent
      return times === 100
    })
    expect(sent).toBeLessThan(64 * mebibyte)
    expect(process.memoryUsage().rss - before).toBeLessThan(96 * mebibyte)
    await call.begun()
    expect(call.status).toBe(504)
    expect(call.header('x-credits-charged')).toBe('0')
    call.socket.destroy()
  })
})

describe('a body that has to be read first', () => {
  test.each([
    ['with an Idempotency-Key', ['Content-Length: 10', 'Idempotency-Key: one']],
    ['of unknown length', ['Transfer-Encoding: chunked']],
  ])('%s reaches the upstream whole', async (_, more) => {
    const isChunked = more[0]?.startsWith('Transfer')
    const head = [
      'PUT /v1/upload HTTP/1.1',
      'Host: gateway.test',
      `X-API-Key: ${shop.key.text}`,
      'Content-Type: text/plain',
      ...more,
    ]
    const first = isChunked ? '5\r\nbegin\r\n' : 'begin'
    const call = rawCall(shop.gateway.url, `${head.join('\r\n')}\r\n\r\n${first}`)
    const other = await shop.fetch('/v1/upload', {
      method: 'PUT',
      body: 'END',
      headers: { 'content-type': 'text/plain' },
    })
    expect(other.status).toBe(200)
    expect(connections.map(bodyOf)).toEqual(['END'])
    call.socket.write(isChunked ? '5\r\n..END\r\n0\r\n\r\n' : '..END')
    await call.ended()
    expect(call.status).toBe(200)
    expect(call.header('x-credits-charged')).toBe('10')
    expect(connections.map(({ received }) => received).join('')).toMatch(/Content-Length: 10\r\n/i)
    call.socket.destroy()
  })
})

describe('a body that is not taken reaches no upstream', () => {
  test.each([
    [415, 10, ['Content-Encoding: gzip']],
    [413, 1_001, []],
    [413, 1e15, []],
  ])('%i: %i bytes with %j', async (status, length, more) => {
    const call = upload(length, 'x', { more })
    await call.begun()
    expect(call.status).toBe(status)
    expect(connections).toHaveLength(0)
    call.socket.destroy()
  })

  test('for want of credits', async () => {
    const key = await shop.newKey('poor')
    const call = upload(6, 'x', { key: key.text })
    await call.begun()
    expect(call.status).toBe(402)
    expect(connections).toHaveLength(0)
    call.socket.destroy()
  })
})
