/** Whatever a client sends as a form with files: what is written of it is read the same by everybody. */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  boundaryOf,
  type FormPart,
  parseMultipart,
} from '../../src/proxy/request/multipart-form.ts'
import { writeMultipart } from '../../src/proxy/request/write-multipart.ts'

/** What means something in a form, and what nearly does. */
const pieces = [
  ...[
    '\r\n',
    '\n',
    '\r',
    '--',
    '--limit',
    '\r\n--limit',
    '--limit--',
    '\r\n--limit--\r\n',
    '\r\n\r\n',
  ],
  ...[
    'Content-Disposition: form-data; ',
    'Content-Type: ',
    'name=',
    'filename=',
    'filename*=',
    'name*=',
  ],
  ...[
    "UTF-8''%41",
    'text/plain',
    'multipart/mixed; boundary=limit',
    'charset=utf-16',
    '"',
    '\\',
    ';',
    ':',
  ],
  ...[' ', '\t', '\0', '\xff', 'é', '=', ',', '%22', '%0d%0a', 'x'],
]

const sound = [
  '--limit\r\nContent-Disposition: form-data; name="a"\r\n\r\none\r\n',
  '--limit\r\nContent-Disposition: form-data; name="b"; filename="f.txt"\r\nContent-Type: text/plain\r\n\r\ntwo\r\n',
  '--limit--\r\n',
].join('')

/** The sound form with passages replaced. */
const damaged = fc
  .array(
    fc.tuple(
      fc.nat(sound.length),
      fc.nat(20),
      fc.array(fc.constantFrom(...pieces), { maxLength: 4 }),
    ),
    {
      maxLength: 3,
    },
  )
  .map((changes) => {
    let text = sound
    for (const [at, length, put] of changes) {
      text = text.slice(0, at) + put.join('') + text.slice(at + length)
    }
    return new Uint8Array(Buffer.from(text, 'latin1'))
  })

/** With the bytes as text, which is easier to compare. */
const plain = (parts: readonly FormPart[] | undefined) =>
  parts?.map(({ bytes, ...part }) => ({ ...part, text: Buffer.from(bytes).toString('latin1') }))

/** As Bun reads them. */
async function readByBun(bytes: Uint8Array, contentType: string) {
  const form = await new Response(bytes as Uint8Array<ArrayBuffer>, {
    headers: { 'content-type': contentType },
  }).formData()
  return Promise.all(
    [...form].map(async ([name, value]) => ({
      name,
      text: Buffer.from(typeof value === 'string' ? value : await value.bytes()).toString('latin1'),
    })),
  )
}

describe('a form that is taken', () => {
  test('however it was damaged, is written so that it is read as it was', async () => {
    let taken = 0
    await fc.assert(
      fc.asyncProperty(damaged, async (bytes) => {
        const parts = parseMultipart(bytes, 'limit')
        if (parts === undefined) return
        taken++
        const { bytes: written, contentType } = writeMultipart(parts)
        const again = parseMultipart(written, boundaryOf(contentType) ?? '')
        const escaped = (text: string) => text.replaceAll('"', '%22')
        expect(plain(again)).toEqual(
          plain(
            parts.map((part) => ({
              ...part,
              name: escaped(part.name),
              ...(part.filename !== undefined && { filename: escaped(part.filename) }),
            })),
          ) ?? [],
        )
        // Text that is not UTF-8 is refused later, and Bun replaces it.
        if (parts.some(({ bytes }) => bytes.some((byte) => byte > 0x7f))) return
        expect(await readByBun(written, contentType)).toEqual(
          parts.map(({ name, bytes }) => ({
            name: escaped(name),
            text: Buffer.from(bytes).toString('latin1'),
          })),
        )
      }),
      { numRuns: 3_000 },
    )
    // Else the damage would leave nothing to compare.
    expect(taken).toBeGreaterThan(300)
  })

  test('whatever its names and bytes are', async () => {
    const name = fc
      .string({ unit: 'grapheme' })
      .filter((text) => text !== '' && text.isWellFormed())
      // What stands for bytes that are no text, and what a header cannot have, are refused.
      .filter((text) => !/[\p{Cc}\ufffd\\]/u.test(text))
    const part = fc.record({ name, bytes: fc.uint8Array({ maxLength: 300 }) })
    await fc.assert(
      fc.property(fc.array(part), (parts) => {
        const { bytes, contentType } = writeMultipart(parts)
        const escaped = parts.map(({ name, ...rest }) => ({
          name: name.replaceAll('"', '%22'),
          ...rest,
        }))
        expect(plain(parseMultipart(bytes, boundaryOf(contentType) ?? ''))).toEqual(
          plain(escaped) ?? [],
        )
      }),
    )
  })
})
