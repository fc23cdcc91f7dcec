import { describe, expect, test } from 'bun:test'
import { wavHeader } from '../../src/demo/wav.ts'
import { readAudio } from '../../src/proxy/request/audio.ts'
import { readMultipartBody } from '../../src/proxy/request/multipart-body.ts'

const route = {
  request: {
    multipart: {
      file: 'file',
      fields: {
        type: 'object',
        additionalProperties: false,
        properties: { language: { type: 'string', maxLength: 5 } },
      },
      maxBytes: 1_000_000,
      types: ['audio/*', 'video/webm'],
    },
  },
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

function read(request: Request, maxBytes = route.request.multipart.maxBytes) {
  return readMultipartBody(request, route, { maxBytes, maxSeconds: 60 })
}

async function takenOf(request: Request) {
  const body = await read(request)
  if ('refusal' in body) throw new Error(JSON.stringify(body.refusal))
  return body
}

async function faultsOf(request: Request, maxBytes?: number): Promise<string[]> {
  const body = await read(request, maxBytes)
  if (!('refusal' in body)) throw new Error('The form was taken')
  const { status, errors } = body.refusal
  return errors.map(({ pointer, detail }) => `${status} ${pointer}: ${detail}`)
}

describe('a form that fits', () => {
  test('is measured and kept byte for byte, with its Content-Type', async () => {
    const bytes = form([audioPart, { name: 'language', content: 'en' }])
    const body = await takenOf(post(bytes))
    expect(body.audio).toEqual({ bytes: wav(3).length, seconds: 3 })
    expect({ ...body.fields }).toEqual({ language: 'en' })
    expect(Buffer.from(body.bytes).equals(Buffer.from(bytes))).toBe(true)
    expect(body.contentType).toBe('multipart/form-data; boundary=limit')
  })

  test('is what programs send with FormData', async () => {
    const data = new FormData()
    data.append('language', 'de')
    data.append('file', new File([wav(61)], 'voice.wav', { type: 'audio/wav' }))
    const request = new Request('http://localhost/', { method: 'POST', body: data })
    expect((await takenOf(request)).audio.seconds).toBe(61)
  })

  test('may quote its boundary', async () => {
    const type = 'Multipart/Form-Data; Boundary="limit"'
    expect((await takenOf(post(form([audioPart]), type))).audio.seconds).toBe(3)
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
      expect((await takenOf(labelled(type))).audio.seconds).toBe(3)
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
    expect((await takenOf(labelled(type))).audio.seconds).toBe(3)
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
    expect((await seconds(file)).seconds).toBeUndefined()
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
    expect('audio' in (await read(post(bytes), bytes.length))).toBe(true)
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

describe('a file that is made to be read for ever', () => {
  test('is given up, and holds nobody up', async () => {
    // The reader looks for a frame at every byte of it: half a minute, if it were let.
    const endless = readAudio({
      bytes: new Uint8Array(24 * 1_048_576).fill(0xff),
      mimeType: 'audio/mpeg',
    })
    const honest = readAudio({ bytes: wav(2), mimeType: 'audio/wav' })
    let turns = 0
    const turning = setInterval(() => turns++, 1)
    expect(await endless).toEqual({})
    clearInterval(turning)
    expect(turns).toBeGreaterThan(10)
    expect(await honest).toEqual({ container: 'WAVE', seconds: 2 })
  })
})
