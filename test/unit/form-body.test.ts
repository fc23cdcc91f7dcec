import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { JsonSchema } from '../../src/config/json-schema.ts'
import { readFormBody } from '../../src/proxy/request/form-body.ts'

const schema: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    text: { type: 'string', maxLength: 20 },
    n: { type: 'integer', minimum: 0 },
    price: { type: 'number' },
    loud: { type: 'boolean' },
    lang: { enum: ['en', 'de'] },
    size: { enum: [1, 2, 'auto'] },
    tag: { type: 'array', maxItems: 3, items: { type: 'integer' } },
    constructor: { type: 'string' },
  },
}

const formType = 'application/x-www-form-urlencoded'

function read(body: string | Uint8Array, type = formType, json = schema) {
  const request = new Request('http://localhost/v1/translate', {
    method: 'POST',
    body: body as BodyInit,
    headers: { 'content-type': type },
  })
  return readFormBody(request, json, { maxBytes: 10_000, maxSeconds: 60, maxJsonValues: 50 })
}

async function taken(...args: Parameters<typeof read>) {
  const body = await read(...args)
  if ('refusal' in body) throw new Error(JSON.stringify(body.refusal))
  return { fields: { ...body.fields }, written: new TextDecoder().decode(body.canonical) }
}

async function faultsOf(...args: Parameters<typeof read>): Promise<string[]> {
  const body = await read(...args)
  if (!('refusal' in body)) throw new Error('The form was taken')
  return body.refusal.errors.map(
    (error) => `${body.refusal.status} ${error.pointer}: ${error.detail}`,
  )
}

describe('a form that fits', () => {
  test('is read as its schema says, and written again in its order', async () => {
    const sent = 'text=a+b%20c&n=07&&tag=1&lang=de&tag=2&loud=true&price=-1.50&'
    expect(await taken(sent.replace('07', '7'))).toEqual({
      fields: { text: 'a b c', n: 7, tag: [1, 2], lang: 'de', loud: true, price: -1.5 },
      written: 'text=a+b+c&n=7&tag=1&lang=de&tag=2&loud=true&price=-1.50',
    })
  })

  test.each([
    ['text', { text: '' }, 'text='],
    ['text=a=b', { text: 'a=b' }, 'text=a%3Db'],
    ['text=a;n=1', { text: 'a;n=1' }, 'text=a%3Bn%3D1'],
    ['text=a%26n%3D1', { text: 'a&n=1' }, 'text=a%26n%3D1'],
    ['t%65xt=%e2%82%ac', { text: '€' }, 'text=%E2%82%AC'],
    ['text=€', { text: '€' }, 'text=%E2%82%AC'],
    ['text=%ef%bb%bfx', { text: '\ufeffx' }, 'text=%EF%BB%BFx'],
    ['text=7', { text: '7' }, 'text=7'],
    ['size=1', { size: 1 }, 'size=1'],
    ['size=auto', { size: 'auto' }, 'size=auto'],
    ['constructor=x', { constructor: 'x' }, 'constructor=x'],
    ['', {}, ''],
  ])('%p', async (sent, fields, written) => {
    expect(await taken(sent)).toEqual({ fields: fields as never, written })
  })

  test.each([
    'APPLICATION/X-WWW-FORM-URLENCODED',
    `${formType}; charset=UTF-8`,
    `${formType};charset="utf-8"`,
  ])('under %p', async (type) => {
    expect((await taken('n=1', type)).fields).toEqual({ n: 1 })
  })

  test('reads here as it does where it is written to, whatever its texts are', async () => {
    const any: JsonSchema = { properties: { a: { type: 'array' }, b: { type: 'array' } } }
    const text = fc.string({ unit: 'grapheme' }).map((s) => s.toWellFormed().replaceAll('\0', ''))
    const fields = fc.array(fc.tuple(fc.constantFrom('a', 'b'), text))
    await fc.assert(
      fc.asyncProperty(fields, async (sent) => {
        const { written } = await taken(new URLSearchParams(sent).toString(), formType, any)
        expect([...new URLSearchParams(written)]).toEqual(sent)
      }),
    )
  })
})

describe('a form that is not taken', () => {
  test.each([
    ['text=%', '400 /text: not percent-encoded UTF-8'],
    ['text=%e2%82', '400 /text: not percent-encoded UTF-8'],
    ['text=%C0%AF', '400 /text: not percent-encoded UTF-8'],
    ['text=%ed%a0%80', '400 /text: not percent-encoded UTF-8'],
    ['n=1&%zz=1', '400 : The name of field 2 is not percent-encoded UTF-8'],
    ['text=a%00b', '400 /text: must not contain the character U+0000'],
    ['te%00xt=a', '400 : must not contain the character U+0000'],
    ['text=a&text=b', '400 /text: stands twice'],
    ['__proto__=x', '400 /__proto__: unknown field'],
    ['txt=a', '400 /txt: unknown field, did you mean text?'],
    ['text[]=a', '400 /text[]: unknown field, did you mean text?'],
    ['n=07', '400 /n: expected an integer, got "07"'],
    ['n=+7', '400 /n: expected an integer, got " 7"'],
    ['n=7.0', '400 /n: expected an integer, got "7.0"'],
    ['n=0x7', '400 /n: expected an integer, got "0x7"'],
    ['n=', '400 /n: expected an integer, got ""'],
    ['n=9007199254740993', '400 /n: expected an integer, got "9007199254740993"'],
    ['n=-1', '400 /n: must be >= 0'],
    ['price=1e999', '400 /price: expected a number, got "1e999"'],
    ['price=1000e-3', '400 /price: expected a number, got "1000e-3"'],
    ['price=Infinity', '400 /price: expected a number, got "Infinity"'],
    ['price=9007199254740993', '400 /price: expected a number, got "9007199254740993"'],
    ['price=9007199254740993.0', '400 /price: expected a number, got "9007199254740993.0"'],
    ['price=.5', '400 /price: expected a number, got ".5"'],
    ['loud=1', '400 /loud: expected a boolean, got "1"'],
    ['loud=True', '400 /loud: expected a boolean, got "True"'],
    ['lang=fr', '400 /lang: expected en or de, got "fr"'],
    ['tag=1&tag=x', '400 /tag/1: expected an integer, got "x"'],
    ['tag=1&tag=2&tag=3&tag=4', '400 /tag: must NOT have more than 3 items'],
    [`text=${'x'.repeat(21)}`, '400 /text: must NOT have more than 20 characters'],
    [new Uint8Array([0x6e, 0x3d, 0xff]), '400 : The body is not UTF-8'],
  ])('%p', async (sent, fault) => {
    expect(await faultsOf(sent)).toEqual([fault])
  })

  test.each([
    'application/json',
    'multipart/form-data; boundary=x',
    'text/plain',
    `${formType}, text/plain`,
  ])('under %p', async (type) => {
    expect(await faultsOf('n=1', type)).toEqual([`415 : Expected Content-Type: ${formType}`])
  })

  test('in another charset', async () => {
    expect(await faultsOf('n=1', `${formType}; charset=iso-8859-1`)).toEqual([
      '415 : A form is UTF-8: expected no other charset',
    ])
  })

  test('without a field that is required', async () => {
    expect(await faultsOf('n=1', formType, { ...schema, required: ['text'] })).toEqual([
      '400 /text: missing',
    ])
  })
})

test('a form has at most as many fields as a JSON body values, and one fault is told', async () => {
  const open: JsonSchema = { type: 'object' }
  const fields = (count: number) => Array.from({ length: count }, (_, n) => `f${n}=1`).join('&')
  expect((await taken(fields(50), formType, open)).fields).toMatchObject({ f0: '1', f49: '1' })
  expect(await faultsOf(fields(51), formType, open)).toEqual([
    '400 : more than 50 fields (maxJsonValues)',
  ])
  expect(await faultsOf('&'.repeat(9_000))).toHaveLength(1)
  expect(await faultsOf('n=x&price=x&loud=x')).toHaveLength(1)
})
