import { describe, expect, spyOn, test } from 'bun:test'
import type { InvalidField } from '../../src/config/json-schema.ts'
import { wavHeader } from '../../src/demo/wav.ts'
import type { PriceRule } from '../../src/pricing/price-rule.ts'
import type { MultipartForm } from '../../src/pricing/route-body.ts'
import { refusals } from '../../src/problems/refusal.ts'
import { readAudio } from '../../src/proxy/request/audio/read-audio.ts'
import { readAudioOf } from '../../src/proxy/request/audio-of-call.ts'
import { readMultipartBody } from '../../src/proxy/request/multipart-body.ts'
import { parseMultipart } from '../../src/proxy/request/multipart-form.ts'

const maxBytes = 1_000_000
const voice: MultipartForm = {
  files: { file: { types: ['audio/*', 'video/webm'], maxBytes, optional: false } },
  fields: {
    type: 'object',
    additionalProperties: false,
    properties: { language: { type: 'string', maxLength: 5 } },
  },
  maxBytes,
}
const sampleRate = 8000

/** Silence, 16 bits mono. */
function wav(seconds: number): Uint8Array<ArrayBuffer> {
  const samples = seconds * sampleRate
  const header = wavHeader(samples, sampleRate)
  const bytes = new Uint8Array(header.length + samples * 2)
  bytes.set(header)
  return bytes
}

interface Part {
  name: string
  content: string | Uint8Array
  filename?: string
  type?: string
}

const audioPart: Part = { name: 'file', content: wav(3), filename: 'a.wav', type: 'audio/wav' }

/** A form written by hand, so that it can also be wrong. */
function form(parts: readonly Part[], boundary = 'limit'): Uint8Array<ArrayBuffer> {
  const chunks = parts.flatMap(({ name, content, filename, type }) => [
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"`,
    filename === undefined ? '' : `; filename="${filename}"`,
    type === undefined ? '' : `\r\nContent-Type: ${type}`,
    '\r\n\r\n',
    content,
    '\r\n',
  ])
  return new Uint8Array(
    Buffer.concat([...chunks, `--${boundary}--\r\n`].map((c) => Buffer.from(c as string))),
  )
}

function post(body: BodyInit, contentType = 'multipart/form-data; boundary=limit') {
  const headers = { 'content-type': contentType }
  return new Request('http://localhost/v1/stt/transcribe', { method: 'POST', body, headers })
}

const perSecond: PriceRule = {
  ...{ per: 'second', unit: 60, credits: 10 },
  hold: { audio: 'file', lowestBitsPerSecond: 8_000, maxSeconds: 14_400 },
}

/** Reads the form, and then its audio, as it is done for a call. */
async function read(request: Request, most = maxBytes, multipart = voice) {
  const form = await readMultipartBody(request, multipart, { maxBytes: most, maxSeconds: 60 })
  if ('refusal' in form) return form
  const { bytes, audio, files } = form
  const measured = await readAudioOf({ bytes, audio, content: { files } }, perSecond, 'account')
  if (!('refusal' in measured)) return { ...form, files: measured.content.files ?? {} }
  const { errors } = measured.refusal.extensions as { errors: InvalidField[] }
  return { refusal: { status: refusals[measured.refusal.code].status, errors } }
}

async function takenOf(request: Request) {
  const body = await read(request)
  if ('refusal' in body) throw new Error(JSON.stringify(body.refusal))
  return { ...body, audio: body.files.file }
}

async function faultsOf(request: Request, most?: number, multipart?: MultipartForm) {
  const body = await read(request, most, multipart)
  if (!('refusal' in body)) throw new Error('The form was taken')
  const { status, errors } = body.refusal
  return errors.map(({ pointer, detail }) => `${status} ${pointer}: ${detail}`)
}

describe('a form that fits', () => {
  test('is measured, and kept as it came beside what is written again', async () => {
    const parts = [audioPart, { name: 'language', content: 'en' }]
    const bytes = form(parts)
    const body = await takenOf(post(bytes))
    expect(body.audio).toEqual({ bytes: wav(3).length, seconds: 3 })
    expect({ ...body.fields }).toEqual({ language: 'en' })
    expect(Buffer.from(body.bytes).equals(Buffer.from(bytes))).toBe(true)
    expect(body.boundary).toBe('limit')
    const [, boundary] = /^multipart\/form-data; boundary=(form-[\da-f-]{36})$/.exec(
      body.canonical.contentType,
    ) ?? ['', '']
    expect(Buffer.from(body.canonical.bytes).equals(Buffer.from(form(parts, boundary)))).toBe(true)
  })

  test('is what programs send with FormData', async () => {
    const data = new FormData()
    data.append('language', 'de')
    data.append('file', new File([wav(61)], 'voice.wav', { type: 'audio/wav' }))
    const request = new Request('http://localhost/', { method: 'POST', body: data })
    expect((await takenOf(request)).audio?.seconds).toBe(61)
  })

  test.each([
    'Multipart/Form-Data; Boundary="limit"',
    'multipart/form-data;boundary=limit',
    'multipart/form-data; charset=utf-8; boundary=limit',
    'multipart/form-data; boundary=limit; charset=utf-8',
  ])('under the Content-Type %p', async (type) => {
    expect((await takenOf(post(form([audioPart]), type))).audio?.seconds).toBe(3)
  })
})

describe('the type of the file', () => {
  // The name of the file says nothing, or even something else.
  const labelled = (type: string | undefined, content: Part['content'] = wav(3)) => {
    const part: Part = { name: 'file', content, filename: 'upload.mp3' }
    return post(form([type === undefined ? part : { ...part, type }]))
  }

  test.each(['audio/wav', 'AUDIO/WAV', 'audio/mpeg; codecs=x', 'video/webm'])(
    '%p is taken',
    async (type) => {
      // The content says what it is, whatever the label says.
      expect((await takenOf(labelled(type))).audio?.seconds).toBe(3)
    },
  )

  test.each(['text/plain', 'video/mp4', 'image/png', 'application/json'])(
    '%p is not',
    async (type) => {
      expect(await faultsOf(labelled(type))).toEqual([
        `415 /file: expected a file of type audio/*, video/webm, got ${type}`,
      ])
    },
  )

  test.each(['application/octet-stream', undefined])('%p is taken for audio only', async (type) => {
    expect((await takenOf(labelled(type))).audio?.seconds).toBe(3)
    const [fault] = await faultsOf(labelled(type, 'just a text'))
    expect(fault).toStartWith('415 /file: expected a file of type audio/*')
  })
})

describe('a header that does not say the duration', () => {
  const seconds = async (content: Uint8Array) =>
    (await takenOf(post(form([{ ...audioPart, content }])))).audio

  test('leaves it open, when there is none', async () => {
    const noise = new Uint8Array(5000).map((_, index) => (index * 7919) % 251)
    expect(await seconds(noise)).toEqual({ bytes: 5000 })
  })

  test('leaves it open, when it claims nothing at all', async () => {
    const file = wav(3)
    new DataView(file.buffer).setUint32(40, 0, true)
    expect((await seconds(file))?.seconds).toBeUndefined()
  })

  test('leaves it open, when it is cut off', async () => {
    expect(await seconds(wav(3).slice(0, 30))).toEqual({ bytes: 30 })
  })
})

describe('a form that is not taken', () => {
  test('of another type', async () => {
    expect(await faultsOf(post('{}', 'application/json'))).toEqual([
      '415 : Expected Content-Type: multipart/form-data',
    ])
  })

  test.each([
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary=limit; boundary=other',
    'multipart/form-data; boundary="li"mit"',
    `multipart/form-data; boundary=${'x'.repeat(71)}`,
  ])('with the Content-Type %p', async (type) => {
    expect(await faultsOf(post(form([audioPart]), type))).toEqual([
      '400 : The Content-Type has no usable boundary',
    ])
  })

  const whole = Buffer.from(form([audioPart]))
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['no end', whole.subarray(0, -4)],
    ['text before it', Buffer.concat([Buffer.from('x\r\n'), whole])],
    ['text after it', Buffer.concat([whole, Buffer.from('x')])],
    [
      'a boundary inside the file',
      Buffer.from(form([{ ...audioPart, content: 'a\r\n--limit\r\nb' }])),
    ],
    ['bare line feeds', Buffer.from(whole.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')],
    [
      'a part that is named twice',
      Buffer.from(
        whole.toString('latin1').replace('name="file"', 'name="x"; name="file"'),
        'latin1',
      ),
    ],
    [
      'a part with a header twice',
      Buffer.from(
        whole
          .toString('latin1')
          .replace(
            'Content-Type: audio/wav',
            'Content-Type: audio/wav\r\ncontent-type: text/plain',
          ),
        'latin1',
      ),
    ],
    [
      'a part without a name',
      Buffer.from(whole.toString('latin1').replace('name="file"; ', ''), 'latin1'),
    ],
    ['another boundary', Buffer.from(form([audioPart], 'other'))],
  ])('with %s', async (_, bytes) => {
    expect(await faultsOf(post(new Uint8Array(bytes)))).toEqual([
      '400 : The body is not multipart/form-data',
    ])
  })

  test('one byte larger than allowed', async () => {
    const bytes = form([audioPart])
    expect('files' in (await read(post(bytes), bytes.length))).toBe(true)
    expect(await faultsOf(post(bytes), bytes.length - 1)).toEqual([
      `413 : The body is larger than ${bytes.length - 1} bytes`,
    ])
  })

  test.each([
    ['without the file', [{ name: 'language', content: 'en' }], '/file: missing'],
    ['with text for a file', [{ name: 'file', content: 'x' }], '/file: expected a file, got text'],
    ['with an empty file', [{ ...audioPart, content: '' }], '/file: the file is empty'],
    ['with the file twice', [audioPart, audioPart], '/file: stands twice'],
    [
      'with a second file',
      [audioPart, { ...audioPart, name: 'language' }],
      '/language: expected text, got a file',
    ],
    [
      'with a file that no field takes',
      [audioPart, { ...audioPart, name: 'fill' }],
      '/fill: unknown file, did you mean file?',
    ],
    [
      'with an unknown field',
      [audioPart, { name: 'langauge', content: 'en' }],
      '/langauge: unknown field, did you mean language?',
    ],
    [
      'with __proto__',
      [audioPart, { name: '__proto__', content: 'x' }],
      '/__proto__: unknown field',
    ],
    [
      'with a field too long',
      [audioPart, { name: 'language', content: 'english' }],
      '/language: must NOT have more than 5 characters',
    ],
    [
      'with NUL in a field',
      [audioPart, { name: 'language', content: 'e\0n' }],
      '/language: must not contain the character U+0000',
    ],
  ] as [string, Part[], string][])('%s', async (_, parts, fault) => {
    expect(await faultsOf(post(form(parts)))).toEqual([`400 ${fault}`])
  })
})

describe('a form that programs write differently', () => {
  const withHead = (from: string, to: string) =>
    post(new Uint8Array(Buffer.from(whole.replace(from, to), 'utf8')))
  const whole = Buffer.from(form([{ ...audioPart, content: 'sound' }])).toString('utf8')

  /** What the upstream gets of it, its boundary left out. */
  async function writtenOf(request: Request, multipart = voice): Promise<string> {
    const body = await read(request, maxBytes, multipart)
    if ('refusal' in body) throw new Error(JSON.stringify(body.refusal))
    const { bytes, contentType } = body.canonical
    return Buffer.from(bytes)
      .toString('utf8')
      .replaceAll(contentType.split('=')[1] ?? '', 'B')
  }
  const head = (names: string, type = 'audio/wav') =>
    `--B\r\nContent-Disposition: form-data; ${names}\r\nContent-Type: ${type}\r\n\r\nsound\r\n--B--\r\n`

  test.each([
    ['unquoted', 'name=file; filename=a.wav', 'filename="a.wav"'],
    ['without spaces', 'name="file";filename="a.wav"', 'filename="a.wav"'],
    ['in another order', 'filename="a.wav"; name="file"', 'filename="a.wav"'],
    ['beyond Latin-1', 'name="file"; filename="日本.wav"', 'filename="日本.wav"'],
    ['by RFC 5987', `name="file"; filename*=UTF-8''%e6%97%a5.wav`, 'filename="日.wav"'],
    ['in both ways', `name=file; filename=x; filename*=utf-8''%e6%97%a5`, 'filename="日"'],
    ['with a path', 'name="file"; filename="../../etc/a.wav"', 'filename="a.wav"'],
    ['with the path of another system', 'name="file"; filename="C:\\x\\a.wav"', 'filename="a.wav"'],
    ['with an escaped quote', 'name="file"; filename="a\\"b"', 'filename="a%22b"'],
    ['with a quote as browsers write it', 'name="file"; filename="a%22b"', 'filename="a%22b"'],
    ['with what looks like a name', 'name="file"; filename="; name=x"', 'filename="; name=x"'],
  ])('a name %s is written one way', async (_, from, to) => {
    expect(await writtenOf(withHead('name="file"; filename="a.wav"', from))).toBe(
      head(`name="file"; ${to}`),
    )
  })

  test('other headers of a part go no further, and a type keeps its parameters', async () => {
    const sent = withHead('audio/wav', 'audio/wav; codecs=1\r\nX-Mine: 1\r\nContent-Length: 9')
    const type = 'audio/wav; codecs=1'
    expect(await writtenOf(sent)).toBe(head('name="file"; filename="a.wav"', type))
  })

  test.each([
    [
      'a second Content-Disposition',
      'Content-Type',
      'Content-Disposition: form-data; name="x"\r\nContent-Type',
    ],
    ['a second filename', 'filename="a.wav"', 'filename="a.wav"; FILENAME="b.wav"'],
    ['a second name by RFC 5987', 'name="file"', `name="file"; name*=UTF-8''other`],
    ['a filename whose escapes are broken', 'filename="a.wav"', `filename*=UTF-8''%zz`],
    ['a filename in another charset', 'filename="a.wav"', `filename*=iso-8859-1''%e9`],
    ['an empty name', 'name="file"', 'name=""'],
    ['a backslash in a name', 'name="file"', 'name="file\\\\"'],
    ['a disposition that is no form', 'form-data', 'attachment'],
    ['a disposition that is a list', 'form-data; ', 'form-data, form-data; '],
    ['a quote that does not end', 'filename="a.wav"', 'filename="a.wav'],
    ['folded lines', 'form-data; ', 'form-data;\r\n '],
    ['a space before the colon', 'Content-Disposition:', 'Content-Disposition :'],
    ['NUL in a name', 'a.wav', 'a\0.wav'],
    ['CR in a name', 'a.wav', 'a\r.wav'],
    ['an encoding of its own', 'Content-Type', 'Content-Transfer-Encoding: base64\r\nContent-Type'],
    ['headers without an end', '\r\n\r\n', '\r\n'],
    ['headers beyond measure', 'Content-Type', `X: ${'y'.repeat(20_000)}\r\nContent-Type`],
    ['more headers than anybody sends', 'Content-Type', `${'X: 1\r\n'.repeat(150)}Content-Type`],
    ['a delimiter that goes on', 'sound', 'a\r\n--limitX\r\nb'],
    [
      'a delimiter that goes on with a part',
      'sound',
      'a\r\n--limitXYContent-Disposition: form-data; name="language"\r\n\r\nb',
    ],
    ['a form behind its end', '--limit--\r\n', '--limit--\r\n--limit--\r\n'],
    ['padding behind a delimiter', '--limit\r\n', '--limit  \r\n'],
    ['half an end', '--limit--\r\n', '--limit-'],
  ])('%s has more than one reading, and is refused', async (_, from, to) => {
    expect(await faultsOf(withHead(from, to))).toEqual([
      '400 : The body is not multipart/form-data',
    ])
  })

  test('bytes that are not UTF-8 in a name are refused', async () => {
    const bytes = Buffer.from(whole.replace('a.wav', 'a\xff.wav'), 'latin1')
    expect(await faultsOf(post(new Uint8Array(bytes)))).toEqual([
      '400 : The body is not multipart/form-data',
    ])
  })

  test('what only looks like a delimiter is part of the file', async () => {
    const content = 'x--limit\r\n-limit--\n--limit--\r\r\n --limit'
    const written = await writtenOf(post(form([{ ...audioPart, content }])))
    expect(written).toContain(`\r\n\r\n${content}\r\n--B--`)
  })

  test('a file that looks like a delimiter all along is read as quickly as any other', () => {
    const boundary = 'a'.repeat(70)
    // Of the processor, and the least of three: others use the machine, too.
    const leastUs = (content: string) => {
      const bytes = form([{ ...audioPart, content }], boundary)
      const times = [1, 2, 3].map(() => {
        const before = process.cpuUsage()
        expect(parseMultipart(bytes, boundary)).toHaveLength(1)
        const { user, system } = process.cpuUsage(before)
        return user + system
      })
      return Math.min(...times)
    }
    const size = 8_000_000
    const honestUs = leastUs(' '.repeat(size))
    // A search that compares letter by letter takes a hundred times as long.
    expect(leastUs('a'.repeat(size))).toBeLessThan(20 * honestUs + 100_000)
  })

  test.each(['\r', '\r\n', '\r\n-', '\r\n--', '\r\n--lim'])(
    'a file that ends with %j, as a delimiter begins, is measured and written whole',
    async (end) => {
      const content = Buffer.concat([wav(1), Buffer.from(end)])
      const parts = [
        { ...audioPart, content },
        { name: 'language', content: 'en' },
      ]
      const body = await takenOf(post(form(parts)))
      expect(body.audio).toEqual({ bytes: content.length, seconds: 1 })
      const boundary = body.canonical.contentType.split('=')[1]
      expect(Buffer.from(body.canonical.bytes).equals(Buffer.from(form(parts, boundary)))).toBe(
        true,
      )
    },
  )

  test('a thousand parts are taken, and no more', async () => {
    const texts = (count: number) => [
      audioPart,
      ...Array.from({ length: count }, (): Part => ({ name: 'tag', content: 'x' })),
    ]
    const tags = { ...voice, fields: { type: 'object', properties: { tag: { type: 'array' } } } }
    expect('files' in (await read(post(form(texts(999))), maxBytes, tags))).toBe(true)
    expect(await faultsOf(post(form(texts(1_000))), maxBytes, tags)).toEqual([
      '400 : The body is not multipart/form-data',
    ])
  })
})

describe('the memory of a large form', () => {
  test('is not taken for a second copy of it before that is asked for', async () => {
    const concat = spyOn(Buffer, 'concat')
    const body = await readMultipartBody(post(large), voice, { maxBytes, maxSeconds: 60 })
    if ('refusal' in body) throw new Error('refused')
    const copies = () =>
      concat.mock.results.filter(({ value }) => (value as Uint8Array).length >= large.length)
    const before = copies().length
    expect(body.canonical.bytes.length).toBe(body.canonical.length)
    expect(body.canonical.bytes).toBe(body.canonical.bytes)
    expect(copies().length).toBe(before + 1)
    concat.mockRestore()
  })

  const large = form([{ ...audioPart, content: wav(10) }])
  /** Reads the form with a budget; returns what is left of it, or the refusal. */
  async function readWithin(budget: number) {
    let left = budget
    const take = (bytes: number) => {
      if (bytes > left) return false
      left -= bytes
      return true
    }
    const body = await readMultipartBody(post(large), voice, { maxBytes, maxSeconds: 60, take })
    return 'refusal' in body ? body.refusal.status : left
  }

  test('is taken for what was sent, and for what is written of it', async () => {
    const left = await readWithin(1_000_000)
    expect(1_000_000 - left).toBeGreaterThan(2 * large.length - 100)
  })

  test('is refused when there is not enough', async () => {
    expect(await readWithin(large.length - 1)).toBe(503)
    expect(await readWithin(large.length * 1.5)).toBe(503)
  })
})

describe('several files', () => {
  const image = { types: ['image/*'], maxBytes: 10, optional: false }
  const images: MultipartForm = {
    files: { image, mask: { types: ['image/png'], maxBytes: 5, optional: true } },
    fields: {
      type: 'object',
      additionalProperties: false,
      properties: {
        n: { type: 'integer', maximum: 4 },
        sharp: { type: 'boolean' },
        tag: { type: 'array', items: { type: 'string' } },
      },
    },
    maxBytes,
  }
  const picture: Part = { name: 'image', content: 'pixels', filename: 'a.png', type: 'image/png' }
  const mask: Part = { name: 'mask', content: 'mask', filename: 'm.png', type: 'image/png' }
  const fieldPart = (name: string, content: string): Part => ({ name, content })

  test('are taken with their fields, which are read as their schema says', async () => {
    const parts = [
      fieldPart('n', '2'),
      picture,
      fieldPart('tag', 'a'),
      mask,
      fieldPart('tag', 'b'),
      fieldPart('sharp', 'true'),
    ]
    const body = await read(post(form(parts)), maxBytes, images)
    if ('refusal' in body) throw new Error('refused')
    expect({ ...body.files }).toEqual({ image: { bytes: 6 }, mask: { bytes: 4 } })
    expect({ ...body.fields }).toEqual({ n: 2, sharp: true, tag: ['a', 'b'] })
    const boundary = body.canonical.contentType.split('=')[1]
    expect(Buffer.from(body.canonical.bytes).equals(Buffer.from(form(parts, boundary)))).toBe(true)
  })

  test('an optional one may be missing, or be an input in which nothing was chosen', async () => {
    const empty = { ...mask, content: '', filename: '', type: 'application/octet-stream' }
    const named = { ...mask, content: '', filename: 'blob' }
    for (const parts of [[picture], [picture, empty], [picture, named]]) {
      const body = await read(post(form(parts)), maxBytes, images)
      if ('refusal' in body) throw new Error('refused')
      expect(Object.keys(body.files)).toEqual(['image'])
      const boundary = body.canonical.contentType.split('=')[1]
      expect(Buffer.from(body.canonical.bytes).equals(Buffer.from(form([picture], boundary)))).toBe(
        true,
      )
    }
  })

  test.each([
    ['without the one that is needed', [mask], '400 /image: missing'],
    [
      'one that is too large',
      [{ ...picture, content: 'x'.repeat(11) }],
      '413 /image: The file is larger than 10 bytes',
    ],
    [
      'of another type',
      [picture, { ...mask, type: 'image/jpeg' }],
      '415 /mask: expected a file of type image/png, got image/jpeg',
    ],
    [
      'of no type',
      [{ name: 'image', content: 'x', filename: 'a' }],
      '415 /image: expected a file of type image/*, got none',
    ],
    [
      'of a type that is two',
      [{ ...picture, type: 'image/png, text/html' }],
      '415 /image: expected a file of type image/*, got image/png, text/html',
    ],
    [
      'with a number that is none',
      [picture, fieldPart('n', '2x')],
      '400 /n: expected an integer, got "2x"',
    ],
    ['with a number too large', [picture, fieldPart('n', '5')], '400 /n: must be <= 4'],
    [
      'with a field twice that is no list',
      [picture, fieldPart('n', '1'), fieldPart('n', '1')],
      '400 /n: stands twice',
    ],
    [
      'with a form in the form',
      [picture, { name: 'tag', content: 'x', type: 'multipart/mixed; boundary=i' }],
      '400 /tag: expected text in UTF-8',
    ],
    [
      'with text in another charset',
      [picture, { name: 'tag', content: 'x', type: 'text/plain; charset=iso-8859-1' }],
      '400 /tag: expected text in UTF-8',
    ],
    [
      'with text that is not UTF-8',
      [picture, { name: 'tag', content: new Uint8Array([0xe9]) }],
      '400 /tag: expected text in UTF-8',
    ],
  ] as [string, Part[], string][])('%s', async (_, parts, fault) => {
    expect(await faultsOf(post(form(parts)), maxBytes, images)).toEqual([fault])
  })

  test('text keeps a type that says more, and loses one by which it could be taken for a file', async () => {
    const text = (type: string): Part => ({ name: 'tag', content: 'x', type })
    const body = await read(
      post(
        form([
          picture,
          text('application/octet-stream'),
          text('application/json; charset=utf-8'),
          text('text/plain'),
        ]),
      ),
      maxBytes,
      images,
    )
    if ('refusal' in body) throw new Error('refused')
    const plain = fieldPart('tag', 'x')
    const expected = form(
      [picture, plain, text('application/json'), plain],
      body.canonical.contentType.split('=')[1],
    )
    expect(Buffer.from(body.canonical.bytes).equals(Buffer.from(expected))).toBe(true)
  })
})

describe('a file that is made to be read for long', () => {
  test('holds nobody up: neither calls nor files of other accounts', async () => {
    // Millions of the smallest frames.
    const frames = new Uint8Array(14 * 1_048_576)
    for (let at = 0; at < frames.length; at += 7) {
      frames.set([0xff, 0xf1, 0x50, 0x80, 0x00, 0xff, 0xfc], at)
    }
    const ended: string[] = []
    const note = (name: string) => () => ended.push(name)
    const long = [1, 2, 3].map(() => readAudio(frames, 'hostile')?.then(note('long')))
    const short = readAudio(wav(2), 'honest')
    let turns = 0
    const turning = setInterval(() => turns++, 1)
    expect(await short).toEqual({ container: 'WAVE', seconds: 2 })
    note('short')()
    await Promise.all(long)
    clearInterval(turning)
    expect(turns).toBeGreaterThan(10)
    // It waits for no more than the one that a thread has begun.
    expect(ended.slice(0, 2)).toContain('short')
  })

  test('is given up where it would take longer than an honest one, and the next is read', async () => {
    // Each block has 4,096 entries of two bytes, which are read one by one: many times slower than sound.
    const entries = 2 * 4_096
    const block = Buffer.alloc(32 + entries)
    block.write('wvpk')
    block.writeUInt32LE(24 + entries, 4)
    block.set([16, 4], 8)
    const blocks = new Uint8Array(Buffer.concat(Array.from({ length: 512 }, () => block)))
    const given = readAudio(blocks, 'hostile')
    const next = readAudio(wav(2), 'hostile')
    expect(await given).toEqual({})
    expect(await next).toEqual({ container: 'WAVE', seconds: 2 })
  })

  test('is one of sixteen that wait, and more of the account are not taken', async () => {
    const waiting = Array.from({ length: 40 }, () => readAudio(wav(1), 'busy'))
    expect(waiting.filter((audio) => audio === undefined).length).toBe(23)
    for (const audio of waiting) if (audio) expect((await audio).seconds).toBe(1)
  })
})

test('a form that takes files of any type takes one whose type nobody knows', async () => {
  const files = { file: { types: ['*/*'], maxBytes, optional: false } }
  const part = { name: 'file', content: 'x', filename: 'a' }
  for (const type of [undefined, 'application/octet-stream', 'x-own/thing']) {
    const sent = post(form([{ ...part, ...(type !== undefined && { type }) }]))
    expect('files' in (await read(sent, maxBytes, { ...voice, files }))).toBe(true)
  }
})
