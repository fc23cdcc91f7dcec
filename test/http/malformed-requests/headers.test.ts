/**
 * Headers that only the gateway or only the upstream may set, sent by somebody else. ../headers-across.test.ts has
 * the headers of an ordinary call.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { rawCall } from '../../support/raw-client.ts'
import { openRawShop, type RawShop } from '../../support/raw-shop.ts'
import { type RawUpstream, startRawUpstream } from '../../support/upstream.ts'

let raw: RawUpstream
let rawShop: RawShop
beforeAll(async () => {
  raw = await startRawUpstream()
  rawShop = await openRawShop({ upstreamUrl: raw.url })
})
afterAll(async () => {
  await rawShop.close()
  await raw.stop()
})

const respondWith = (...lines: string[]) =>
  raw.respond((socket) => socket.write(['HTTP/1.1 200 OK', ...lines, '', '{}'].join('\r\n')))
const reset = () => respondWith('Content-Length: 2')
beforeAll(reset)
afterEach(async () => {
  reset()
  await rawShop.expectServes()
  reset()
})

/** A priced call with these header lines beside those that it needs. */
async function call(...lines: string[]) {
  const head = ['POST /v1/search HTTP/1.1', 'Host: g', `X-API-Key: ${rawShop.shop.key.text}`]
  const body = ['Content-Type: application/json', 'Content-Length: 13', '', '{"query":"q"}']
  const text = [...head, ...lines, ...body].join('\r\n')
  const sent = rawCall(rawShop.shop.gateway.url, Buffer.from(text, 'latin1'))
  await sent.ended()
  sent.socket.destroy()
  const linesThere = (raw.heads.at(-1) ?? '').split('\r\n').slice(1)
  const there = new Map(
    linesThere.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  )
  return { sent, status: sent.status, there }
}

describe('the upstream gets', () => {
  test('no header of ours with underscores in its name, which some servers read as hyphens', async () => {
    const names = ['X_Request_Id', 'X_Forwarded_For', 'X_API_Key', 'X_Credits_Charged', 'X_Real-IP']
    const { status, sent, there } = await call(...names.map((name) => `${name}: mine`))
    expect(status).toBe(200)
    expect([...there.keys()].filter((name) => name.includes('_'))).toEqual([])
    expect(there.get('x-request-id')).toBe(sent.header('x-request-id') ?? '')
  })

  test('other names with underscores', async () => {
    expect((await call('X_Mine: 1')).there.get('x_mine')).toBe('1')
  })

  test('headers that the gateway sets, even if Connection names them', async () => {
    const named = 'Connection: content-type, content-length, host, x-request-id, transfer-encoding'
    const { status, sent, there } = await call(named)
    expect(status).toBe(200)
    expect(there.get('content-type')).toBe('application/json')
    expect(there.get('content-length')).toBe('13')
    expect(there.get('x-request-id')).toBe(sent.header('x-request-id') ?? '')
    expect(there.get('host')).toBe(new URL(raw.url).host)
  })

  test('no upgrade of the connection', async () => {
    const { status, there } = await call('Connection: Upgrade', 'Upgrade: websocket, h2c')
    expect(status).toBe(200)
    expect(there.has('upgrade')).toBe(false)
    expect(there.get('connection')?.toLowerCase()).not.toContain('upgrade')
  })

  test('bytes beyond ASCII in the same line', async () => {
    const { status } = await call('X-Mine: \xff\xe9\x85', 'X-Empty:')
    expect(status).toBe(200)
    expect(
      raw.heads
        .at(-1)
        ?.split('\r\n')
        .filter((line) => /^x-(mine|empty):/i.test(line)),
    ).toHaveLength(2)
  })
})

describe('refused, and nothing is forwarded:', () => {
  test('401: two keys', async () => {
    const { status, sent } = await call(`X-API-Key: ${rawShop.shop.key.text}`)
    expect(status).toBe(401)
    expect(JSON.parse(sent.body.toString())).toMatchObject({ code: 'malformed_key' })
    expect(raw.heads).toEqual([])
  })

  test('415: two types of content', async () => {
    expect((await call('Content-Type: text/plain')).status).toBe(415)
    expect(raw.heads).toEqual([])
  })

  test('415: a body of several encodings', async () => {
    const lines = ['Content-Encoding: identity', 'Content-Encoding: gzip']
    expect((await call(...lines)).status).toBe(415)
    expect(raw.heads).toEqual([])
  })
})

describe('from the upstream', () => {
  const broken: [what: string, lines: string[]][] = [
    ['two lengths that differ', ['Content-Length: 2', 'Content-Length: 1']],
    ['a length that is no number', ['Content-Length: 2x']],
    ['a header without a colon', ['Content-Length: 2', 'nonsense']],
  ]
  for (const [what, lines] of broken) {
    test(`502, and nothing charged: ${what}`, async () => {
      respondWith(...lines)
      const { status, sent } = await call()
      expect(status).toBe(502)
      expect(sent.header('x-credits-charged')).toBe('0')
    })
  }

  test('502: an upgrade without a request for it', async () => {
    raw.respond((socket) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
    )
    const { status, sent } = await call()
    expect(status).toBe(502)
    expect(sent.header('x-credits-charged')).toBe('0')
  })

  test('200: interim responses are not passed on', async () => {
    raw.respond((socket) =>
      socket.write(
        'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}',
      ),
    )
    const { status, sent } = await call()
    expect(status).toBe(200)
    expect(sent.received.toString()).not.toContain('Early Hints')
  })

  test('the client gets no header of ours with underscores in its name', async () => {
    respondWith('Content-Length: 2', 'X_Credits_Charged: 0', 'X_Request_Id: theirs')
    const { sent } = await call()
    expect(sent.header('x_credits_charged')).toBeUndefined()
    expect(sent.header('x_request_id')).toBeUndefined()
    expect(sent.header('x-credits-charged')).toBe('1')
  })
})
