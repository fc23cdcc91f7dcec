/**
 * Requests that are too large or too slow harm only the client that sends them. The server bounds heads: 16 KiB,
 * and ten seconds for the first on a connection.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { signToken } from '../../../src/http/auth/sign-token.ts'
import { type RawCall, rawCall, rawPost } from '../../support/raw-client.ts'
import { openRawShop, type RawShop } from '../../support/raw-shop.ts'
import { jwtSecret } from '../../support/running-gateway.ts'
import { until } from '../../support/until.ts'

/** How long a body may take here. */
const maxBodySeconds = 2
/** How many bytes of large bodies the gateway keeps at once here. */
const maxTotalBodyBytes = 300_000

let rawShop: RawShop
/** Heads that never end. The server gives them ten seconds, so they run beside the other tests. */
let endlessHeads: RawCall[]
const drips: Timer[] = []
beforeAll(async () => {
  rawShop = await openRawShop({ config: { limits: { maxBodySeconds, maxTotalBodyBytes } } })
  endlessHeads = ['GET /hea', 'GET /health HTTP/1.1\r\nHost: g\r\nX-A: '].map((text) =>
    drip(text, 'a'),
  )
})
afterAll(async () => {
  for (const timer of drips) clearInterval(timer)
  await rawShop.close()
})
afterEach(async () => {
  await rawShop.expectServes()
  rawShop.shop.upstream.respond(() => Response.json({ ok: true }))
})

/** Sends a beginning, and then a little ten times a second until the connection is closed. */
function drip(beginning: string, little: string): RawCall {
  const call = rawCall(rawShop.shop.gateway.url, beginning)
  const timer = setInterval(() => {
    if (call.closed) clearInterval(timer)
    else call.socket.write(little)
  }, 100)
  drips.push(timer)
  return call
}

function head(...lines: string[]): string {
  const key = `X-API-Key: ${rawShop.shop.key.text}`
  return ['POST /v1/search HTTP/1.1', 'Host: g', key, ...lines, '', ''].join('\r\n')
}

const json = 'Content-Type: application/json'

describe('431, nothing is forwarded, and the connection is closed:', () => {
  const heads: [what: string, text: () => string][] = [
    ['a target of 17,000 bytes', () => head(json).replace('/v1/search', `/${'a'.repeat(17_000)}`)],
    ['a query of 17,000 bytes', () => head(json).replace('search', `search?${'a'.repeat(17_000)}`)],
    ['a header of 17,000 bytes', () => head(`X-A: ${'a'.repeat(17_000)}`)],
    ['a name of 17,000 bytes', () => head(`${'a'.repeat(17_000)}: a`)],
    ['many headers of 17,000 bytes together', () => head(...Array(1_000).fill('X-A: 1234567890a'))],
    ['three hundred headers', () => head(...Array.from({ length: 300 }, (_, i) => `X-${i}: 1`))],
    ['a head that goes on and on', () => `GET / HTTP/1.1\r\n${'X-A: a\r\n'.repeat(50_000)}`],
  ]
  for (const [what, text] of heads) {
    test(what, async () => {
      expect((await rawShop.sendToTheEnd(text())).statuses).toEqual([431])
      expect(rawShop.shop.upstream.executed).toEqual([])
    })
  }
})

test('of 15,000 bytes, a target is read, and a query is refused by its route alone', async () => {
  const text = rawPost('/v1/search', rawShop.shop.key.text, { query: 'q' })
  const long = 'a'.repeat(15_000)
  expect((await rawShop.send(text.replace('search', long))).statuses).toEqual([404])
  const refused = await rawShop.send(text.replace('search', `search?${long}`))
  expect(refused.statuses).toEqual([400])
  expect(refused.text).toContain('this route takes no query')
  expect(rawShop.shop.upstream.executed).toEqual([])
})

describe('408, nothing is forwarded or held, and the connection is closed, for a body that drips:', () => {
  const length = 'Content-Length: 100000'
  const chunked = 'Transfer-Encoding: chunked'
  const form = 'Content-Type: multipart/form-data; boundary=b'
  const bodies: [what: string, lines: string[], little: string][] = [
    ['with a length', [json, length], ' '],
    ['in chunks', [json, chunked], '1\r\n \r\n'],
    ['in chunks of a form', [form, chunked], '1\r\n \r\n'],
  ]
  for (const [what, lines, little] of bodies) {
    test(what, async () => {
      const size = await rawShop.size()
      const text = head(...lines)
      const path = lines.includes(form) ? text.replace('/v1/search', '/v1/stt/transcribe') : text
      const call = drip(path, little)
      await until(() => call.closed)
      expect(call.status).toBe(408)
      expect(call.body.toString()).toContain('"code":"body_too_slow"')
      expect(rawShop.shop.upstream.executed).toEqual([])
      expect(await rawShop.size()).toBe(size)
    })
  }

  test('of management', async () => {
    const token = await signToken({ secret: jwtSecret, subject: 'a', expiresInSeconds: 60 })
    const lines = `Host: g\r\nAuthorization: Bearer ${token}\r\n${json}\r\nContent-Length: 100`
    const call = drip(`POST /api-keys HTTP/1.1\r\n${lines}\r\n\r\n`, ' ')
    await until(() => call.closed)
    expect(call.status).toBe(408)
    expect(call.body.toString()).toContain('"code":"body_too_slow"')
  })
})

test('five hundred clients that drip delay nobody, take little memory, and are all closed', async () => {
  const before = process.memoryUsage().rss
  const text = head(json, 'Content-Length: 1000000')
  const slow = Array.from({ length: 500 }, () => drip(text, ' '))
  await until(() => slow.every(({ socket }) => socket.bytesWritten > text.length))
  const statuses: number[] = []
  const client = async () => {
    for (let call = 0; call < 10; call++) {
      statuses.push((await rawShop.shop.post('/v1/search', { query: 'q' })).status)
    }
  }
  await Promise.all(Array.from({ length: 20 }, client))
  expect(statuses).toEqual(Array(200).fill(200))
  await until(() => slow.every(({ closed }) => closed), 60_000)
  expect(slow.filter(({ status }) => status !== 408)).toHaveLength(0)
  expect(rawShop.shop.upstream.executed).toHaveLength(200)
  const grownBy = process.memoryUsage().rss - before
  expect(grownBy).toBeLessThan(200_000_000)
})

describe('large bodies have a memory budget in common:', () => {
  const large = (bytes: number) => `{"query":"large"${' '.repeat(bytes - 17)}}`
  const post = () => rawShop.shop.post('/v1/search', undefined, { body: large(150_000) })

  /** A client that has sent all of a body but its last byte, so that the budget has no room for a large one. */
  async function holdRoom(): Promise<RawCall> {
    const text = head(json, 'Content-Length: 200000') + large(200_000)
    let holder = rawCall(rawShop.shop.gateway.url, text.slice(0, -1))
    await until(async () => {
      // A large body came first, and there was no room for this one.
      if (holder.status === 503) holder = rawCall(rawShop.shop.gateway.url, text.slice(0, -1))
      await until(() => holder.socket.bytesWritten === text.length - 1)
      await rawShop.shop.post('/v1/search', { query: 'meanwhile' })
      return (await post()).status === 503
    })
    expect(holder.status).toBeUndefined()
    return holder
  }

  test('503 for one too many, 200 for small ones meanwhile, and 200 when there is room again', async () => {
    const holder = await holdRoom()
    rawShop.shop.upstream.respond(() => Response.json({ ok: true }))
    const refused = await post()
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(refused.headers.get('x-credits-charged')).toBe('0')
    expect(await refused.json()).toMatchObject({ code: 'bodies_too_large' })
    expect(rawShop.shop.upstream.executed).toEqual([])
    expect((await rawShop.shop.post('/v1/search', { query: 'small' })).status).toBe(200)

    holder.socket.write('}')
    await holder.ended()
    holder.socket.destroy()
    expect(holder.status).toBe(200)
    expect((await post()).status).toBe(200)
  })

  test('a client that leaves or is refused frees its part', async () => {
    const leaving = await holdRoom()
    leaving.socket.destroy()
    await until(async () => (await post()).status === 200)
    for (let call = 0; call < 5; call++) {
      const body = large(150_000).replace('query', 'wrong')
      expect((await rawShop.shop.post('/v1/search', undefined, { body })).status).toBe(400)
    }
    expect((await post()).status).toBe(200)
  })
})

test('a client that leaves in the middle of a body causes no event', async () => {
  const { ledger, gateway, upstream } = rawShop.shop
  const size = await ledger.size()
  const call = rawCall(gateway.url, `${head(json, 'Content-Length: 100')}{"que`)
  await until(() => call.socket.bytesWritten > 100)
  call.socket.destroy()
  await rawShop.expectServes()
  expect(upstream.executed).toHaveLength(1)
  // Every event since then is about the call that was sold, or about a lease of its key.
  const since = await ledger.sql<{ requestId: string }[]>`
    select distinct request_id as "requestId" from events
    where position > ${size} and slots is null and type <> 'CallsCounted'`
  expect([...since]).toEqual([{ requestId: upstream.executed[0]?.requestId ?? '' }])
})

describe('a compressed body', () => {
  const bomb = Buffer.alloc(50_000_000, ' ')
  const packers = {
    gzip: gzipSync,
    deflate: deflateSync,
    br: (b: Buffer) => brotliCompressSync(b, { params: { 1: 1 } }),
    zstd: zstdCompressSync,
  }

  for (const [encoding, pack] of Object.entries(packers)) {
    test(`is not accepted from a client, and not decompressed: 415 for ${encoding}`, async () => {
      const body = pack(bomb)
      const headers = { 'content-type': 'application/json', 'content-encoding': encoding }
      const before = process.memoryUsage().rss
      const response = await rawShop.shop.fetch('/v1/search', { method: 'POST', body, headers })
      expect(response.status).toBe(415)
      expect(process.memoryUsage().rss - before).toBeLessThan(bomb.length)
      expect(rawShop.shop.upstream.executed).toEqual([])
    })
  }

  test('is not accepted by management either: 415', async () => {
    const token = await signToken({ secret: jwtSecret, subject: 'a', expiresInSeconds: 60 })
    const authorization = `Bearer ${token}`
    const response = await fetch(`${rawShop.shop.gateway.url}/api-keys`, {
      ...{ method: 'POST', body: gzipSync('{"name":"x"}') },
      headers: { authorization, 'content-type': 'application/json', 'content-encoding': 'gzip' },
    })
    expect(response.status).toBe(415)
    expect(await response.json()).toMatchObject({ code: 'unsupported_media_type' })
  })

  test('of an upstream reaches the client as it is: 200', async () => {
    const packed = gzipSync(bomb)
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
    rawShop.shop.upstream.respond(() => new Response(packed, { headers }))
    const before = process.memoryUsage().rss
    const init = { headers: { 'accept-encoding': 'gzip' }, decompress: false }
    const response = await rawShop.shop.post('/v1/search', { query: 'q' }, init as RequestInit)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-encoding')).toBe('gzip')
    expect(Buffer.from(await response.bytes()).equals(packed)).toBe(true)
    expect(process.memoryUsage().rss - before).toBeLessThan(bomb.length)
  })

  test('is not decompressed to be metered: 502, and nothing charged', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
    rawShop.shop.upstream.respond(() => new Response(gzipSync(bomb), { headers }))
    const before = process.memoryUsage().rss
    const response = await rawShop.shop.post('/v1/extract', { url: 'https://example.com/' })
    expect(response.status).toBe(502)
    expect(response.headers.get('x-credits-charged')).toBe('0')
    expect(process.memoryUsage().rss - before).toBeLessThan(bomb.length)
  })
})

test('the server closes a connection whose head never ends', async () => {
  await until(() => endlessHeads.every(({ closed }) => closed), 20_000)
  expect(endlessHeads.map(({ status }) => status)).toEqual([undefined, undefined])
  expect(rawShop.shop.upstream.executed).toEqual([])
})
