/**
 * Forms as programs write them: whatever RFC 7578 and the programs' habits allow is read as one form, and the upstream gets it in
 * one spelling. What readers differ in is refused.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { wavHeader } from '../../src/demo/wav.ts'
import { openRawShop, type RawShop } from '../support/raw-shop.ts'

let raw: RawShop
beforeAll(async () => {
  raw = await openRawShop()
})
afterAll(() => raw.close())
afterEach(() => raw.expectServes())

const sound = Buffer.concat([wavHeader(800, 8_000), new Uint8Array(1_600)]).toString('latin1')

interface Spelling {
  readonly type?: string
  readonly boundary?: string
  /** Header lines of the file's part. */
  readonly head?: string
  readonly before?: string
  readonly after?: string
}

const fileHead =
  'Content-Disposition: form-data; name="file"; filename="voice.wav"\r\nContent-Type: audio/wav'
const language = 'Content-Disposition: form-data; name="language"\r\n\r\nen\r\n'

/** Sends a form so spelled. The bytes are Latin-1 here. */
async function send(spelling: Spelling) {
  const { type, boundary = 'limit', head = fileHead, before = '', after = '\r\n' } = spelling
  raw.shop.upstream.respond(() => Response.json({ text: '', duration_seconds: 1 }))
  const parts = [language, `${head}\r\n\r\n${sound}\r\n`].map((part) => `--${boundary}\r\n${part}`)
  const body = `${before}${parts.join('')}--${boundary}--${after}`
  const request = [
    ...['POST /v1/stt/transcribe HTTP/1.1', 'Host: gateway.test'],
    ...[`X-API-Key: ${raw.shop.key.text}`, `Content-Length: ${body.length}`],
    `Content-Type: ${type ?? 'multipart/form-data; boundary=limit'}`,
  ].join('\r\n')
  const { statuses } = await raw.send(Buffer.from(`${request}\r\n\r\n${body}`, 'latin1'))
  const [executed] = raw.shop.upstream.executed
  return { statuses, form: executed && Buffer.from(executed.body).toString('latin1') }
}

/** The form as the upstream gets it. */
async function forwarded(spelling: Spelling): Promise<string> {
  const { statuses, form } = await send(spelling)
  expect(statuses).toEqual([200])
  return form ?? ''
}

const written = (filename: string) =>
  `Content-Disposition: form-data; name="file"; filename="${filename}"\r\nContent-Type: audio/wav\r\n\r\n${sound}\r\n`

const partTypes = '\r\nContent-Type: audio/wav'

describe('a file is taken under', () => {
  test.each([
    [
      'names without quotes, as .NET writes them',
      "name=file; filename=voice.wav; filename*=utf-8''voice.wav",
    ],
    ['a name in quotes only where it has to be', 'name=file; filename="voice.wav"'],
    ['no spaces', 'name="file";filename="voice.wav"'],
    ['the other order', 'filename="voice.wav"; name="file"'],
    ['a semicolon at the end', 'name="file"; filename="voice.wav";'],
    ['names in capitals', 'NAME="file"; FileName="voice.wav"'],
    ['a path before the name', 'name="file"; filename="C:\\\\sounds\\\\voice.wav"'],
    ['a path as old browsers sent it', 'name="file"; filename="C:\\sounds\\voice.wav"'],
  ])('%s', async (_name, parameters) => {
    const head = `Content-Disposition: form-data; ${parameters}${partTypes}`
    expect(await forwarded({ head })).toContain(written('voice.wav'))
  })

  test.each([
    ['escaped quotes', 'filename="a \\"loud\\" voice.wav"', 'a %22loud%22 voice.wav'],
    [
      'quotes as browsers escape them',
      'filename="a %22loud%22 voice.wav"',
      'a %22loud%22 voice.wav',
    ],
    ['a semicolon in quotes', 'filename="a; name=b.wav"', 'a; name=b.wav'],
    ['a name in UTF-8', 'filename="\xe2\x82\xac.wav"', '\xe2\x82\xac.wav'],
    [
      'a name that is encoded twice over, as .NET writes it',
      'filename="=?utf-8?B?4oKsLndhdg==?="; filename*=utf-8\'\'%E2%82%AC.wav',
      '\xe2\x82\xac.wav',
    ],
  ])('%s', async (_name, parameter, filename) => {
    const head = `Content-Disposition: form-data; name="file"; ${parameter}${partTypes}`
    expect(await forwarded({ head })).toContain(written(filename))
  })

  test.each([
    [
      'headers in other letters',
      'content-disposition:form-data;name="file";filename="voice.wav"\r\nCONTENT-TYPE:audio/wav',
    ],
    ['a length of the part', `${fileHead}\r\nContent-Length: ${sound.length}`],
    ['headers that nobody needs', `Content-ID: <1>\r\n${fileHead}\r\nX-Note: x`],
    ...['7bit', '8bit', 'binary', 'BINARY'].map((encoding) => {
      return [`the encoding ${encoding}`, `${fileHead}\r\nContent-Transfer-Encoding: ${encoding}`]
    }),
  ])('%s', async (_name, head) => {
    expect(await forwarded({ head: head as string })).toContain(written('voice.wav'))
  })
})

describe('a form is taken under', () => {
  test.each([
    'multipart/form-data; boundary="limit"',
    'multipart/form-data; charset=utf-8; boundary=limit',
    'multipart/form-data; boundary=limit; charset=UTF-8',
    'multipart/form-data;boundary=limit;charset="utf-8"',
    'multipart/form-data; charset=utf-8; boundary="limit"',
    'Multipart/Form-Data; Boundary=limit',
  ])('the type %s', async (type) => {
    expect(await forwarded({ type })).toContain(written('voice.wav'))
  })

  test('a boundary with a space in it', async () => {
    const type = 'multipart/form-data; boundary="the limit"'
    expect(await forwarded({ type, boundary: 'the limit' })).toContain(written('voice.wav'))
  })

  test.each([
    ['an empty line before it', { before: '\r\n' }],
    ['empty lines before it', { before: '\r\n\r\n' }],
    ['no line after it', { after: '' }],
    ['empty lines after it', { after: '\r\n\r\n' }],
  ])('%s', async (_name, spelling) => {
    expect(await forwarded(spelling)).toContain(written('voice.wav'))
  })
})

describe('what readers differ in is refused:', () => {
  test.each([
    ...['base64', 'quoted-printable', 'x-gzip', '8bit, base64', ''].map((encoding) => {
      return [
        `the encoding "${encoding}"`,
        { head: `${fileHead}\r\nContent-Transfer-Encoding: ${encoding}` },
      ] as const
    }),
    [
      'two encodings',
      {
        head: `${fileHead}\r\nContent-Transfer-Encoding: 8bit\r\nContent-Transfer-Encoding: base64`,
      },
    ],
    ['text before the form', { before: 'This is a form.\r\n' }],
    ['text after the form', { after: '\r\nThat was a form.' }],
    ['a line that ends with LF alone before it', { before: '\n' }],
    [
      'two names',
      {
        head: `Content-Disposition: form-data; name="file"; name="language"; filename="a.wav"${partTypes}`,
      },
    ],
    [
      'two names of one file',
      {
        head: `Content-Disposition: form-data; name="file"; filename="a.wav"; filename="b.wav"${partTypes}`,
      },
    ],
    [
      'a quote that does not end',
      { head: `Content-Disposition: form-data; name="file"; filename="a.wav${partTypes}` },
    ],
    ['two boundaries', { type: 'multipart/form-data; boundary=limit; boundary=other' }],
  ] as const)('%s', async (_name, spelling) => {
    const { statuses, form } = await send(spelling as Spelling)
    expect(statuses).toEqual([400])
    expect(form).toBeUndefined()
  })
})
