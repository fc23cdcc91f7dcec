import { describe, expect, spyOn, test } from 'bun:test'
import fc from 'fast-check'
import type { JsonSchema } from '../../src/config/json-schema.ts'
import { readJsonBody } from '../../src/proxy/request/json-body.ts'

const anySchema: JsonSchema = {}
const schema: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['text'],
  properties: {
    text: { type: 'string', minLength: 1 },
    options: { type: 'object' },
    size: { type: 'integer' },
    kind: { enum: ['big', 'small'] },
  },
}

function post(body: string | Uint8Array | ReadableStream, headers: Record<string, string> = {}) {
  return new Request('http://localhost/v1/say', {
    method: 'POST',
    body: body as BodyInit,
    headers: { 'content-type': 'application/json', ...headers },
  })
}

function read(
  request: Request,
  json: JsonSchema = schema,
  maxBytes = 1000,
  maxJsonValues = 100_000,
) {
  return readJsonBody(request, json, { maxBytes, maxSeconds: 60, maxJsonValues })
}

async function refusalOf(...args: Parameters<typeof read>) {
  const body = await read(...args)
  if (!('refusal' in body)) throw new Error('The body was taken')
  return body.refusal
}

/** Status and first error of a body, as `400 /pointer: detail`. */
async function faultOf(...args: Parameters<typeof read>): Promise<string> {
  const { status, errors } = await refusalOf(...args)
  return `${status} ${errors[0]?.pointer}: ${errors[0]?.detail}`
}

test('a body that fits is taken and kept byte for byte', async () => {
  const text = ' {"text" : "na\\u00efve 👍",\n"size":1.0} '
  const body = await read(post(text))
  if ('refusal' in body) throw new Error('refused')
  expect(new TextDecoder().decode(body.bytes)).toBe(text)
  expect(body.json).toEqual({ text: 'naïve 👍', size: 1 })
})

test.each(['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/vnd.api+json'])(
  '%p is JSON',
  async (type) => {
    expect('json' in (await read(post('{"text":"a"}', { 'content-type': type })))).toBe(true)
  },
)

test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', ''])(
  '%p is not',
  async (type) => {
    expect(await faultOf(post('{"text":"a"}', { 'content-type': type }))).toBe(
      '415 : Expected Content-Type: application/json',
    )
  },
)

test('a compressed body is not taken: what is priced must be what is sent', async () => {
  const body = Bun.gzipSync('{"text":"a"}')
  expect(await faultOf(post(body, { 'content-encoding': 'gzip' }))).toStartWith('415')
})

describe('size', () => {
  const bytes = (length: number) => `{"text":"${'x'.repeat(length - 11)}"}`
  const stream = (text: string) => {
    const encoded = new TextEncoder().encode(text)
    let at = 0
    return new ReadableStream({
      pull(controller) {
        if (at >= encoded.length) return controller.close()
        controller.enqueue(encoded.slice(at, at + 100))
        at += 100
      },
    })
  }

  test('at the limit is taken, one byte more is not', async () => {
    expect('json' in (await read(post(bytes(1000))))).toBe(true)
    expect(await faultOf(post(bytes(1001)))).toBe('413 : The body is larger than 1000 bytes')
  })

  test('holds for a stream whose length is not announced', async () => {
    expect('json' in (await read(post(stream(bytes(1000)))))).toBe(true)
    expect(await faultOf(post(stream(bytes(1001))))).toStartWith('413')
  })

  test('an announced length is refused before anything is read', async () => {
    const request = post(stream(bytes(100)), { 'content-length': '1001' })
    expect(await faultOf(request)).toStartWith('413')
    expect(request.bodyUsed).toBe(false)
  })

  test('a stream without end is cut', async () => {
    let cancelled = false
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(100)),
      cancel: () => {
        cancelled = true
      },
    })
    expect(await faultOf(post(endless))).toStartWith('413')
    expect(cancelled).toBe(true)
  })

  test('a stream that breaks off is refused', async () => {
    const broken = new ReadableStream({
      pull: (controller) => controller.error(new Error('reset')),
    })
    expect(await faultOf(post(broken))).toBe('400 : The body broke off')
  })
})

describe('what is no JSON, or not the same to every reader', () => {
  test.each([
    ['', 'The body is empty, expected JSON'],
    ['{"text":', 'The body is not JSON'],
    ["{'text':'a'}", 'The body is not JSON'],
    ['\ufeff{"text":"a"}', 'The body is not JSON'],
    ['{"text":"a","text":"b"}', 'a field occurs twice in the same object'],
    ['{"text":"a","te\\u0078t":"b"}', 'a field occurs twice in the same object'],
    ['{"text":"a","options":{"a":[{"b":1,"b":1}]}}', 'a field occurs twice in the same object'],
    ['{"text":"a\\\\","text":"\\"b"}', 'a field occurs twice in the same object'],
  ])('%p', async (text, detail) => {
    expect(await faultOf(post(text))).toBe(`400 : ${detail}`)
  })

  test.each([
    ['{"text":"a\\u0000b"}', '/text: must not contain the character U+0000'],
    ['{"text":"\\ud83d"}', '/text: must not contain half a surrogate pair'],
    ['{"text":"\\udc4d\\ud83d"}', '/text: must not contain half a surrogate pair'],
    ['{"text":"a","options":{"\\u0000":1}}', '/options: must not contain the character U+0000'],
    ['{"text":"a","options":{"\\ud800":1}}', '/options: must not contain half a surrogate pair'],
    ['{"text":"a","options":{"a/b":[1,1e400]}}', '/options/a~1b/1: a number too large'],
    ['{"text":"a","options":{"a":-1e400}}', '/options/a: a number too large'],
    ['{"text":"a","__proto__":{"size":1}}', '/__proto__: unknown field'],
    ['{"text":"a","options":{"__proto__":1}}', '/options/__proto__: unknown field'],
  ])('%p', async (text, fault) => {
    expect(await faultOf(post(text))).toBe(`400 ${fault}`)
  })

  test('bytes that are no UTF-8', async () => {
    const bytes = new Uint8Array([...Buffer.from('{"text":"'), 0xc3, 0x28, ...Buffer.from('"}')])
    expect(await faultOf(post(bytes))).toBe('400 : The body is not UTF-8')
  })

  test('a body nested without end', async () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    expect('json' in (await read(post(nested(64)), anySchema))).toBe(true)
    expect(await faultOf(post(nested(65)), anySchema)).toContain('nested deeper than 64 levels')
    expect(await faultOf(post(nested(100_000)), anySchema, 200_000)).toStartWith('400')
  })

  test('any JSON as JavaScript writes it is taken, colons and quotes in texts included', async () => {
    const value = fc.jsonValue({ maxDepth: 5 })
    const texts = fc.dictionary(fc.constantFrom('a', ':', '"', '\\', '{'), fc.string())
    await fc.assert(
      fc.asyncProperty(fc.oneof(value, texts), async (json) => {
        const text = JSON.stringify(json)
        fc.pre(!text.includes('__proto__') && !/\\u0000|\\ud[89a-f]/.test(text))
        const body = await read(post(text), anySchema, 1_000_000)
        expect('json' in body).toBe(true)
      }),
    )
  })
})

describe('how many values a body has', () => {
  /** The document, and each item and field in it. */
  function valuesIn(json: unknown): number {
    const children = typeof json === 'object' && json !== null ? Object.values(json) : []
    return children.reduce((sum: number, child) => sum + valuesIn(child), 1)
  }

  test('is bounded to the last one, whatever JSON it is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.jsonValue({ maxDepth: 5 }),
        fc.constantFrom('', ' ', '\t', '\n  '),
        async (json, space) => {
          const text = JSON.stringify(json, undefined, space)
          fc.pre(!text.includes('__proto__') && !/\\u0000|\\ud[89a-f]/.test(text))
          const values = valuesIn(json)
          expect('json' in (await read(post(text), anySchema, 1_000_000, values))).toBe(true)
          if (values === 1) return
          expect(await faultOf(post(text), anySchema, 1_000_000, values - 1)).toBe(
            `400 : more than ${values - 1} JSON values (maxJsonValues)`,
          )
        },
      ),
    )
  })

  test('is known before any of them is made', async () => {
    const text = `{${Array.from({ length: 55_000 }, (_, index) => `"x${index}":0`).join()}}`
    const parse = spyOn(JSON, 'parse')
    expect(await faultOf(post(text), schema, 1_000_000, 20_000)).toContain('maxJsonValues')
    expect(parse).not.toHaveBeenCalled()
    parse.mockRestore()
  })

  test.each(['{"text":"', '{"text":"\\"', '[[[', '["', '{,,,:::', '"', '\\"'])(
    'is not looked for beyond the end of %p',
    async (text) => {
      expect(await faultOf(post(text))).toBe('400 : The body is not JSON')
    },
  )
})

describe('what the schema refuses', () => {
  test.each([
    ['{"text":"a","a/b":1}', '/a~1b: unknown field'],
    ['{"text":"a","kind":"huge"}', '/kind: expected big or small, got "huge"'],
    ['{"text":"a","options":[]}', '/options: expected an object, got a list'],
    ['{"text":"a","size":"x"}', '/size: expected an integer, got "x"'],
    ['{"size":1}', '/text: missing'],
    ['{"text":"a","txt":"a"}', '/txt: unknown field, did you mean text?'],
  ])('is told with a pointer: %p', async (text, fault) => {
    expect(await faultOf(post(text))).toBe(`400 ${fault}`)
  })

  test('is looked for up to the first fault, however small the body is', async () => {
    const text = '{"text":7,"size":"x","kind":"huge","options":[],"a/b":1}'
    expect((await refusalOf(post(text))).errors).toHaveLength(1)
  })

  test('an inherited field is not there', async () => {
    const inherited: JsonSchema = { type: 'object', required: ['constructor'] }
    expect(await faultOf(post('{}'), inherited)).toBe('400 /constructor: missing')
  })

  test('a long name is not sent back whole', async () => {
    const text = `{"text":"a","${'x'.repeat(5000)}":0}`
    const { errors } = await refusalOf(post(text), schema, 10_000)
    expect(errors[0]?.pointer).toHaveLength(200)
  })
})
