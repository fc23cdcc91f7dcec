/**
 * Where a request ends. Bytes that two readers could understand differently are refused and the connection is
 * closed, so that nothing can be hidden behind a request. What is accepted is forwarded in a request of the
 * gateway's own.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { rawPost } from '../../support/raw-client.ts'
import { openRawShop, type RawShop } from '../../support/raw-shop.ts'

let rawShop: RawShop
beforeAll(async () => {
  rawShop = await openRawShop()
})
afterAll(() => rawShop.close())
afterEach(async () => {
  await rawShop.expectServes()
  rawShop.shop.upstream.respond(() => Response.json({ ok: true }))
})

/** The queries that the upstream got. */
const asked = () =>
  rawShop.shop.upstream.executed.map(({ body }) => JSON.parse(Buffer.from(body).toString()).query)

const json = '{"query":"seen"}'
/** The same as a body in one chunk. */
const chunks = `10\r\n${json}\r\n0\r\n\r\n`
/** A whole call, hidden where a body or the next request may be. */
const hidden = () => rawPost('/v1/search', rawShop.shop.key.text, { query: 'hidden' })

/** The head of a priced call, with these lines in it. */
function head(lines: readonly string[], end = '\r\n'): string {
  const key = `X-API-Key: ${rawShop.shop.key.text}`
  const head = ['POST /v1/search HTTP/1.1', 'Host: g', key, 'Content-Type: application/json']
  return [...head, ...lines, '', ''].join(end)
}

/** The call with this body, and a hidden one behind it. */
function post(lines: readonly string[], body: string, end = '\r\n'): string {
  return head(lines, end) + body + hidden()
}

const length = `Content-Length: ${json.length}`
const chunked = 'Transfer-Encoding: chunked'

describe('400, nothing is executed, and the connection is closed:', () => {
  const refused: [what: string, lines: string[], body: string][] = [
    ['Content-Length and Transfer-Encoding', [length, chunked], chunks],
    ['Transfer-Encoding and Content-Length', [chunked, length], chunks],
    ['a Content-Length of 0 and Transfer-Encoding', ['Content-Length: 0', chunked], chunks],
    ['two Content-Lengths that differ', [length, 'Content-Length: 5'], json],
    ['two Content-Lengths that agree', [length, length], json],
    ['a list of Content-Lengths', [`${length}, ${json.length}`], json],
    ...['+16', '-16', '0x10', '1e1', '16.0', '16a', '', '99999999999999999999999'].map(
      (text): [string, string[], string] => [
        `Content-Length: ${text || 'nothing'}`,
        [`Content-Length: ${text}`],
        json,
      ],
    ),
    ...[
      ...['identity', 'gzip, chunked', 'chunked, chunked', 'chunked, identity', 'xchunked', ''],
      ...['"chunked"', 'chunked;x=1', '\x0bchunked'],
    ].map((text): [string, string[], string] => [
      `Transfer-Encoding: ${JSON.stringify(text)}`,
      [`Transfer-Encoding: ${text}`],
      chunks,
    ]),
    ['two Transfer-Encodings', [chunked, 'Transfer-Encoding: identity'], chunks],
    ['a space before the colon of Transfer-Encoding', ['Transfer-Encoding : chunked'], chunks],
    ['a space before the colon of Content-Length', [`Content-Length : ${json.length}`], json],
    ['a folded line', ['X-A: one\r\n two', length], json],
    ['a folded line with a tab', ['X-A: one\r\n\tContent-Length: 0', length], json],
    ['a folded Transfer-Encoding', ['Transfer-Encoding:\r\n chunked', length], chunks],
    ['a bare LF between headers', ['X-A: one\nX-B: two', length], json],
    ['a bare CR between headers', ['X-A: one\rX-B: two', length], json],
    ['NUL in a value', ['X-A: o\0ne', length], json],
    ['NUL in a name', ['X\0A: one', length], json],
    ['a control character in a value', ['X-A: o\x01ne', length], json],
    ['a header without a name', [': one', length], json],
    ['a header without a colon', ['one', length], json],
    ['two hosts', ['Host: other', length], json],
  ]
  for (const [what, lines, body] of refused) {
    test(what, async () => {
      const { statuses } = await rawShop.sendToTheEnd(post(lines, body))
      expect(statuses).toEqual([400])
      expect(asked()).toEqual([])
    })
  }

  test('a head that ends with a bare LF', async () => {
    const text = post([length], json).replace('\r\n\r\n', '\r\n\n')
    const { statuses } = await rawShop.sendToTheEnd(text)
    expect(statuses).toEqual([400])
    expect(asked()).toEqual([])
  })

  for (const host of ['a b', 'g/v1/search?', 'user@g', 'g\\x', 'a#b']) {
    test(`a host that is not valid: ${host}`, async () => {
      const text = post([length], json).replace('Host: g', `Host: ${host}`)
      const { statuses, codes } = await rawShop.sendToTheEnd(text)
      expect({ statuses, codes }).toEqual({ statuses: [400], codes: ['invalid_request'] })
      expect(asked()).toEqual([])
    })
  }

  test('no host', async () => {
    const text = post([length], json).replace('Host: g\r\n', '')
    expect((await rawShop.sendToTheEnd(text)).statuses).toEqual([400])
    expect(asked()).toEqual([])
  })

  test('Transfer-Encoding in HTTP/1.0, which does not know it', async () => {
    const text = post([chunked], chunks).replace('HTTP/1.1', 'HTTP/1.0')
    expect((await rawShop.sendToTheEnd(text)).statuses).toEqual([400])
    expect(asked()).toEqual([])
  })
})

describe('400 for a broken chunked body, and nothing is executed:', () => {
  const broken: [what: string, body: string][] = [
    ['bare LFs', chunks.replaceAll('\r\n', '\n')],
    ['a chunk extension that ends with a bare LF', chunks.replace('10\r\n', '10;\n')],
    ['a chunk that is longer than it says', chunks.replace('\r\n0', 'XX0')],
    ['a size with a prefix', chunks.replace('10', '0x10')],
    ['a negative size', chunks.replace('10', '-10')],
    ['a size beyond every integer', chunks.replace('10', '10000000000000010')],
    ['an empty size', chunks.replace('10', '')],
    ['a size with a space', chunks.replace('10', '10 ')],
  ]
  for (const [what, body] of broken) {
    test(what, async () => {
      const { statuses } = await rawShop.sendToTheEnd(post([chunked], body))
      expect(statuses).toEqual([400])
      expect(asked()).toEqual([])
    })
  }
})

describe('505, nothing is executed, and the connection is closed:', () => {
  const lines: [what: string, change: (text: string) => string][] = [
    ['bare LFs throughout', () => post([length], json, '\n')],
    ['another version', (text) => text.replace('HTTP/1.1', 'HTTP/2.0')],
    ['NUL in the target', (text) => text.replace('/v1/search', '/v1/se\0arch')],
    ['NUL in the method', (text) => text.replace('POST', 'PO\0ST')],
    ['a space in the target', (text) => text.replace('/v1/search', '/v1/ search')],
  ]
  for (const [what, change] of lines) {
    test(what, async () => {
      const { statuses } = await rawShop.sendToTheEnd(change(post([length], json)))
      expect(statuses).toEqual([505])
      expect(asked()).toEqual([])
    })
  }
})

describe('200, framed anew for the upstream, and the connection can be used again:', () => {
  const taken: [what: string, lines: string[], body: string][] = [
    ['a body with a length', [length], json],
    ['a length with a zero in front', [`Content-Length: 0${json.length}`], json],
    ['a chunked body', [chunked], chunks],
    ['another spelling of chunked', ['transfer-ENCODING:\tChunked '], chunks],
    ['chunk extensions', [chunked], chunks.replace('10', '10;a="b"')],
    ['a size with zeros in front', [chunked], chunks.replace('10', '000000000000000000010')],
    ['many small chunks', [chunked], `${[...json].map((c) => `1\r\n${c}\r\n`).join('')}0\r\n\r\n`],
    ['a body that waits to be asked for', [length, 'Expect: 100-continue'], json],
  ]
  for (const [what, lines, body] of taken) {
    test(what, async () => {
      const next = rawPost('/v1/search', rawShop.shop.key.text, { query: 'next' })
      const { statuses } = await rawShop.send(head(lines) + body, next)
      expect(statuses).toEqual([200, 200])
      expect(asked()).toEqual(['seen', 'next'])
      const [first] = rawShop.shop.upstream.executed
      expect(first?.headers.get('content-length')).toBe(String(json.length))
      expect(first?.headers.has('transfer-encoding')).toBe(false)
      expect(first?.headers.has('expect')).toBe(false)
    })
  }

  test('a later call on it needs its own key', async () => {
    const next = hidden().replace(/X-API-Key: .*\r\n/, '')
    const { statuses } = await rawShop.send(head([length]) + json, next)
    expect(statuses).toEqual([200, 401])
    expect(asked()).toEqual(['seen'])
  })

  test('the body of a route that takes none is not read as a request', async () => {
    const inner = hidden()
    const key = `X-API-Key: ${rawShop.shop.key.text}\r\nContent-Length: ${inner.length}`
    const { statuses, text } = await rawShop.send(
      `GET /v1/tts/languages HTTP/1.1\r\nHost: g\r\n${key}\r\n\r\n${inner}`,
      'GET /health HTTP/1.1\r\nHost: g\r\n\r\n',
    )
    expect(statuses).toEqual([200, 200])
    expect(text).toEndWith('{"status":"ok"}')
    expect(asked()).toEqual([])
  })
})

describe('what follows a call before its response is not executed, and the connection is closed:', () => {
  const trailers = [
    'X-API-Key: other\r\nContent-Length: 3\r\n\r\n',
    'X:POST /v1/search HTTP/1.1\r\nHost: g\r\n\r\n',
    'ab',
    '\n',
  ]
  for (const trailer of trailers) {
    test(`a trailer of a chunked body, ${JSON.stringify(trailer)}`, async () => {
      const body = chunks.replace(/\r\n$/, trailer)
      const { statuses } = await rawShop.sendToTheEnd(post([chunked], body))
      expect(statuses.at(-1)).toBe(400)
      expect(asked().filter((query) => query !== 'seen')).toEqual([])
      const sent = rawShop.shop.upstream.executed.map(({ headers }) => JSON.stringify([...headers]))
      expect(sent.join()).not.toContain('other')
    })
  }

  test('another call', async () => {
    await rawShop.sendToTheEnd(post([length], json))
    expect(asked().filter((query) => query !== 'seen')).toEqual([])
  })
})
