/** Bodies of every kind, and what the upstream receives of them, byte for byte. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { newRequestId } from '../../src/lib/ids.ts'
import { tokenPrice } from '../support/chat.ts'
import { rawCall } from '../support/raw-client.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'
import type { Executed } from '../support/upstream.ts'

let shop: Shop
beforeAll(async () => {
  const text = { type: 'string', maxLength: 5_000 }
  const counted = { type: 'integer', minimum: 1, maximum: 10 }
  const price = { per: 'request', credits: 1 }
  const perByte = { per: 'byte', of: 'request', unit: 10, credits: 3 }
  const perCharacter = { per: 'character', unit: 1, credits: 1, hold: { text: '/text' } }
  shop = await openShop({
    config: {
      limits: { maxBodySeconds: 3 },
      routes: {
        form: {
          ...route('/v1/form', perCharacter),
          request: { form: { text, lang: { enum: ['en', 'de'] } }, required: ['text'] },
        },
        'json-any': { ...route('/v1/json', price), request: { json: 'any' } },
        'json-bytes': { ...route('/v1/json-bytes', perByte), request: { json: 'any' } },
        'json-streams': {
          ...route('/v1/json-streams', tokenPrice),
          request: { json: 'any' },
          streams: {
            when: { pointer: '/stream', equals: true },
            send: { stream_options: { include_usage: true } },
          },
        },
        'json-mapped': {
          ...route('/v1/json-mapped', price),
          ...{ request: { json: 'any' }, map: { number: 'n', seed: 'seed', text: 's' } },
        },
        'json-counted': {
          ...route('/v1/json-counted', { per: 'item', credits: 1, hold: { number: '/n' } }),
          request: { json: { type: 'object', required: ['n'], properties: { n: counted } } },
        },
        'images-open': {
          ...route('/v1/images-open', perCharacter),
          request: {
            multipart: {
              files: { image: { types: ['image/*'], maxBytes: 100 } },
              fields: {
                ...{ type: 'object', required: ['text'], properties: { text } },
                additionalProperties: true,
              },
              maxBytes: 1_000,
            },
          },
        },
        any: { ...route('/v1/any', price), request: 'any' },
        delete: { ...route('/v1/any', price), method: 'DELETE', request: 'any' },
        raw: {
          ...route('/v1/raw', price),
          ...{ request: { raw: ['image/*', 'text/csv'] }, maxBodyBytes: 1_000 },
        },
        images: {
          ...route('/v1/images', perCharacter),
          request: {
            multipart: {
              files: {
                image: { types: ['image/*'], maxBytes: 100 },
                mask: { types: ['image/png'], optional: true },
              },
              fields: { type: 'object', required: ['text'], properties: { text } },
              maxBytes: 1_000,
            },
          },
        },
      },
    },
  })
})
afterAll(async () => {
  await shop.close()
})
beforeEach(() => {
  shop.upstream.respond(() => Response.json({ ok: true }))
})

function route(path: string, price: object) {
  return {
    ...{ method: 'POST', path, summary: 'x', service: 'search', upstreamPath: '/x' },
    ...{ permission: 'search', price },
  }
}

interface Sent {
  readonly type?: string
  readonly method?: string
  readonly idempotencyKey?: string
}

async function send(path: string, body: BodyInit | undefined, sent: Sent = {}) {
  const { type, method = 'POST', idempotencyKey } = sent
  const headers = new Headers()
  if (type !== undefined) headers.set('content-type', type)
  if (idempotencyKey !== undefined) headers.set('idempotency-key', idempotencyKey)
  const response = await shop.fetch(path, { method, headers, ...(body !== undefined && { body }) })
  const json = (await response.json()) as { errors?: { pointer: string; detail: string }[] }
  return { status: response.status, headers: response.headers, json }
}

/** The only request that the upstream got. */
function received(): Executed {
  expect(shop.upstream.executed).toHaveLength(1)
  return shop.upstream.executed[0] as Executed
}

const textOf = ({ body }: Executed) => Buffer.from(body).toString('latin1')
const typeOf = ({ headers }: Executed) => headers.get('content-type')
const lengthOf = ({ headers }: Executed) => headers.get('content-length')

const formType = 'application/x-www-form-urlencoded'

test.each([
  ['/v1/form', new URLSearchParams({ text: 'a', colour: 'red' })],
  ['/v1/images', withImage({ text: 'a', colour: 'red' })],
])('a field that %s does not list is refused, by its name', async (path, body) => {
  const { status, json } = await send(path, body)
  expect(status).toBe(400)
  expect(json).toMatchObject({
    detail: '/colour: unknown field',
    errors: [{ pointer: '/colour', detail: 'unknown field' }],
  })
  expect(shop.upstream.executed).toHaveLength(0)
})

function withImage(fields: Readonly<Record<string, string>>): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.set(name, value)
  form.set('image', new Blob(['an image'], { type: 'image/png' }), 'a.png')
  return form
}

describe('a form', () => {
  test('arrives written again, and is sold by its fields', async () => {
    const body = 'lang=de&&text=na%c3%afve+%F0%9F%91%8D&'
    const { status, headers } = await send('/v1/form', body, { type: `${formType}; charset=utf-8` })
    expect(status).toBe(200)
    expect(headers.get('x-credits-charged')).toBe('7')
    const got = received()
    expect(textOf(got)).toBe('lang=de&text=na%C3%AFve+%F0%9F%91%8D')
    expect(typeOf(got)).toBe(formType)
    expect(lengthOf(got)).toBe(String(got.body.length))
  })

  test.each([
    ['text=%zz', formType, 400, '/text'],
    ['text=a&text=b', formType, 400, '/text'],
    ['lang=de', formType, 400, '/text'],
    ['', formType, 400, '/text'],
    ['{"text":"a"}', 'application/json', 415, ''],
    ['text=a', `${formType}; charset=latin1`, 415, ''],
  ])(
    '%p as %s: %i at %p, and nothing reaches the upstream',
    async (body, type, status, pointer) => {
      const refused = await send('/v1/form', body, { type })
      expect([refused.status, refused.json.errors?.[0]?.pointer]).toEqual([status, pointer])
      expect(shop.upstream.executed).toHaveLength(0)
    },
  )
})

test('any JSON arrives as it came', async () => {
  const body = ' [1.0, {"a": null}] '
  expect((await send('/v1/json', body, { type: 'Application/JSON; charset=UTF-8' })).status).toBe(
    200,
  )
  expect(textOf(received())).toBe(body)
  expect(typeOf(received())).toBe('application/json')
  expect((await send('/v1/json', '{', { type: 'application/json' })).status).toBe(400)
})

test.each(['a', 'ä', 'aä', '日本', '👍', '\u007f\u0080'])(
  'JSON of any size arrives as it came, whatever its characters: %p',
  async (characters) => {
    for (const count of [1, 10_000, 40_000]) {
      shop.upstream.respond(() => Response.json({ ok: true }))
      const body = JSON.stringify({ text: characters.repeat(count) })
      expect((await send('/v1/json', body, { type: 'application/json' })).status).toBe(200)
      const got = received()
      expect(Buffer.from(body).equals(got.body)).toBe(true)
      expect(lengthOf(got)).toBe(String(got.body.length))
    }
  },
)

describe('JSON of which the gateway changes something', () => {
  const type = 'application/json'
  const other = '"seed":9007199254740993, "t" : 1.0,"e":[1E2],\r\n"s":"\\u00e4\\/ä"'

  test('arrives with fields added for a stream, and not a byte else is another', async () => {
    const sent = `{ "model":"m","stream" : true,"stream_options":{ "x":1.0 },${other} } `
    await send('/v1/json-streams', sent, { type })
    expect(Buffer.from(received().body).toString()).toBe(
      sent.replace('{ "x":1.0 }', '{ "x":1.0,"include_usage":true }'),
    )
    expect(lengthOf(received())).toBe(String(received().body.length))
  })

  test('arrives as it came where that says already what would be added', async () => {
    const sent = `{"stream":true, "stream_options":{"include_usage" :true },${other}}`
    await send('/v1/json-streams', sent, { type })
    expect(Buffer.from(received().body).toString()).toBe(sent)
  })

  test('arrives under other names with its values as they were written', async () => {
    await send('/v1/json-mapped', `{"n": 12345678901234567890.10 ,${other}}`, { type })
    expect(Buffer.from(received().body).toString()).toBe(
      '{"number":12345678901234567890.10,"seed":9007199254740993,"text":"\\u00e4\\/ä"}',
    )
    expect(lengthOf(received())).toBe(String(received().body.length))
  })

  test('is for an Idempotency-Key what the client sent', async () => {
    const again = { type, idempotencyKey: 'the-same-bytes' }
    expect((await send('/v1/json-mapped', '{"n":1.0}', again)).status).toBe(200)
    expect((await send('/v1/json-mapped', '{"n":1.0}', again)).status).toBe(200)
    expect((await send('/v1/json-mapped', '{"n":1}', again)).status).toBe(422)
    expect(textOf(received())).toBe('{"number":1.0}')
  })
})

test('a name that another reader takes for a counted one is refused, and reaches no upstream', async () => {
  for (const name of ['N', 'n ', '\\u004e']) {
    const { status, json } = await send('/v1/json-counted', `{"n":1,"${name}":10}`, {
      type: 'application/json',
    })
    expect([status, json.errors?.length]).toEqual([400, 1])
    expect(json.errors?.[0]?.detail).toStartWith('looks like n, which decides the price')
  }
  for (const name of ['Text', 'text[]', 'text.x']) {
    const form = new FormData()
    form.set('image', new File([new Uint8Array(5)], 'a.png', { type: 'image/png' }))
    form.set('text', 'a')
    form.set(name, 'much more text')
    const { status, json } = await send('/v1/images-open', form)
    expect(status).toBe(400)
    expect(json.errors).toEqual([
      { pointer: `/${name}`, detail: expect.stringMatching(/^looks like text, /) },
    ])
  }
  expect(shop.upstream.executed).toHaveLength(0)
  const sold = await send('/v1/json-counted', '{"n":2,"m":10}', { type: 'application/json' })
  expect(sold.headers.get('x-credits-charged')).toBe('2')
})

test('JSON is sold by its bytes as they were sent, where the price says so', async () => {
  const { headers } = await send('/v1/json-bytes', ' "ä" '.padEnd(20), { type: 'application/json' })
  expect(headers.get('x-credits-charged')).toBe('9')
  expect(received().body).toHaveLength(21)
})

describe('a body of any type', () => {
  const bytes = new Uint8Array(256).map((_, index) => index)

  test('arrives as it came, with its Content-Type', async () => {
    const type = 'Application/X-Own; Version="1"'
    expect((await send('/v1/any', bytes, { type })).status).toBe(200)
    expect(received().body).toEqual(bytes)
    expect(typeOf(received())).toBe(type)
    expect(lengthOf(received())).toBe('256')
  })

  test('without a type arrives without one', async () => {
    expect((await send('/v1/any', bytes)).status).toBe(200)
    expect(received().body).toEqual(bytes)
    expect(typeOf(received())).toBeNull()
  })

  test.each(['POST', 'DELETE'])('may be empty, and a %s may have none', async (method) => {
    expect((await send('/v1/any', undefined, { method })).status).toBe(200)
    expect(received().method).toBe(method)
    expect(received().body).toHaveLength(0)
  })

  test('of a DELETE arrives, too', async () => {
    expect((await send('/v1/any', 'x=1', { method: 'DELETE', type: 'text/plain' })).status).toBe(
      200,
    )
    expect(textOf(received())).toBe('x=1')
  })

  test('is part of what an Idempotency-Key names, and so is its type', async () => {
    const idempotencyKey = newRequestId()
    const one = { type: 'text/plain', idempotencyKey }
    expect((await send('/v1/any', 'x', one)).status).toBe(200)
    expect((await send('/v1/any', 'x', one)).headers.get('idempotent-replayed')).toBe('true')
    expect((await send('/v1/any', 'x', { ...one, type: 'text/html' })).status).toBe(422)
    expect((await send('/v1/any', 'y', one)).status).toBe(422)
    expect(shop.upstream.executed).toHaveLength(1)
  })
})

describe('bytes of stated types', () => {
  test.each(['image/png', 'IMAGE/PNG', 'text/csv; charset=utf-8; header=present'])(
    'arrive as they came: %p',
    async (type) => {
      expect((await send('/v1/raw', 'a,b', { type })).status).toBe(200)
      expect(textOf(received())).toBe('a,b')
      expect(typeOf(received())).toBe(type)
    },
  )

  test.each([
    ['a', 'text/plain', 415],
    ['a', 'image/*', 415],
    ['a', 'image/png, text/html', 415],
    ['a', 'image', 415],
    ['a', undefined, 415],
    ['', 'image/png', 400],
    ['x'.repeat(1_001), 'image/png', 413],
  ])('%.10p as %p: %i', async (body, type, status) => {
    const bytes = Buffer.from(body)
    expect((await send('/v1/raw', bytes, type === undefined ? {} : { type })).status).toBe(status)
    expect(shop.upstream.executed).toHaveLength(0)
  })
})

describe('a form with files', () => {
  const pixels = new Uint8Array(50).map((_, index) => index * 5)
  const imageForm = (text = 'hello') => {
    const form = new FormData()
    form.append('image', new File([pixels], 'ä "1".png', { type: 'image/png' }))
    form.append('text', text)
    return form
  }

  test('arrives with a boundary of its own, in its order, and is sold by its fields', async () => {
    const { status, headers } = await send('/v1/images', imageForm())
    expect(status).toBe(200)
    expect(headers.get('x-credits-charged')).toBe('5')
    const got = received()
    const boundary = /^multipart\/form-data; boundary=(form-[\da-f-]{36})$/.exec(
      typeOf(got) ?? '',
    )?.[1]
    const expected = Buffer.concat([
      Buffer.from(
        `--${boundary}\r\nContent-Disposition: form-data; name="image"; filename="ä %221%22.png"\r\n` +
          'Content-Type: image/png\r\n\r\n',
      ),
      pixels,
      Buffer.from(
        `\r\n--${boundary}\r\nContent-Disposition: form-data; name="text"\r\n\r\nhello\r\n--${boundary}--\r\n`,
      ),
    ])
    expect(Buffer.from(got.body).equals(expected)).toBe(true)
    expect(lengthOf(got)).toBe(String(expected.length))
  })

  test('is the same for an Idempotency-Key whatever its boundary', async () => {
    const idempotencyKey = newRequestId()
    expect((await send('/v1/images', imageForm(), { idempotencyKey })).status).toBe(200)
    const again = await send('/v1/images', imageForm(), { idempotencyKey })
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect((await send('/v1/images', imageForm('other'), { idempotencyKey })).status).toBe(422)
    expect(shop.upstream.executed).toHaveLength(1)
  })

  test('with a file too large, or of another type', async () => {
    const withFile = (size: number, type: string) => {
      const form = imageForm()
      form.append('mask', new File([new Uint8Array(size)], 'm', { type }))
      return form
    }
    expect((await send('/v1/images', withFile(5, 'image/jpeg'))).status).toBe(415)
    const large = imageForm()
    large.set('image', new File([new Uint8Array(101)], 'a', { type: 'image/png' }))
    const { status, json } = await send('/v1/images', large)
    expect([status, json.errors?.[0]?.pointer]).toEqual([413, '/image'])
    expect((await send('/v1/images', withFile(1_000, 'image/png'))).status).toBe(413)
    expect(shop.upstream.executed).toHaveLength(0)
  })
})

test.each([
  ['/v1/form', 'text=a', formType, false],
  ['/v1/raw', 'a,b', 'text/csv', true],
  ['/v1/json', '{}', 'application/json', true],
])(
  'a digest of what was sent crosses only where that is sent on: %s',
  async (path, body, type, crosses) => {
    const digests = ['content-digest', 'content-md5', 'digest', 'repr-digest']
    const headers = Object.fromEntries(digests.map((name) => [name, 'x']))
    await shop.fetch(path, { method: 'POST', body, headers: { ...headers, 'content-type': type } })
    expect(digests.filter((name) => received().headers.has(name))).toEqual(crosses ? digests : [])
  },
)

describe('a body that is read first', () => {
  const kinds = [
    ['/v1/json', 'application/json', '{"text":'],
    ['/v1/form', formType, 'text=hel'],
    ['/v1/any', 'text/plain', 'anything'],
    ['/v1/images', 'multipart/form-data; boundary=B', '--B\r\nCont'],
  ]
  /** Sends the head of a request with a body of 100 bytes, and `begin` of the body. */
  const start = (path: string, type: string, begin: string, ...more: string[]) => {
    const head = [
      ...[`POST ${path} HTTP/1.1`, 'Host: gateway.test', `X-API-Key: ${shop.key.text}`],
      ...[`Content-Type: ${type}`, 'Content-Length: 100', ...more],
    ]
    return rawCall(shop.gateway.url, `${head.join('\r\n')}\r\n\r\n${begin}`)
  }

  test.each(kinds)('in time, or is refused: %s', async (path, type, begin) => {
    const call = start(path, type, begin)
    await call.ended()
    expect(call.status).toBe(408)
    expect(call.header('x-credits-charged')).toBe('0')
    await until(() => call.closed)
    expect(shop.upstream.executed).toHaveLength(0)
  })

  /** How many calls are under way. */
  const inFlight = async () => {
    const text = await (await fetch(shop.gateway.metricsUrl)).text()
    return Number(/^tollbook_calls_in_flight(?:{.*})? (\d+)/m.exec(text)?.[1])
  }

  test.each(kinds)('whole, or nothing is held: %s', async (path, type, begin) => {
    const [before] = await shop.ledger.sql`select count(*) from events where type = 'CreditsHeld'`
    const call = start(path, type, begin)
    await until(async () => (await inFlight()) === 1)
    call.socket.destroy()
    await until(async () => (await inFlight()) === 0)
    const [after] = await shop.ledger.sql`select count(*) from events where type = 'CreditsHeld'`
    expect(after).toEqual(before)
    expect(shop.upstream.executed).toHaveLength(0)
  })

  test.each(kinds)('not unpacked: %s', async (path, type, begin) => {
    const call = start(path, type, begin, 'Content-Encoding: gzip')
    await call.begun()
    expect(call.status).toBe(415)
    call.socket.destroy()
  })

  test('and waited for with Expect: 100-continue', async () => {
    const call = start('/v1/form', formType, '', 'Expect: 100-continue')
    await until(() => /^HTTP\/1\.1 100 /.test(call.received.toString()))
    call.socket.write(`text=${'x'.repeat(95)}`)
    await call.responses(1)
    expect(textOf(received())).toBe(`text=${'x'.repeat(95)}`)
    expect(received().headers.has('expect')).toBe(false)
    call.socket.destroy()
  })
})
