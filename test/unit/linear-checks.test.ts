import { describe, expect, test } from 'bun:test'
import { fullFormats } from 'ajv-formats/dist/formats.js'
import fc from 'fast-check'
import { schemaCheck } from '../../src/config/json-schema.ts'
import { printable } from '../../src/lib/printable-text.ts'

const faults = (schema: object, value: unknown, all = false) =>
  schemaCheck(schema as Record<string, unknown>)(value, all)

describe('the format url', () => {
  const isUrl = (text: string) => faults({ type: 'string', format: 'url' }, text).length === 0

  test.each([
    ...[
      'http://foo.com',
      'https://foo.com/a_(b)?c=d#e',
      'http://a:b@foo.com:8080/',
      'ftp://a.de/x',
    ],
    ...[
      'http://142.42.1.1/',
      'http://مثال.إختبار',
      'http://例子.测试',
      'http://a.b-c.de',
      'HTTP://Foo.COM',
    ],
    ...[
      'http://223.254.254.254',
      'http://1337.net',
      'http://foo.bar/?q=Test%20URL',
      'http://a-b.co',
    ],
  ])('takes %s', (text) => expect(isUrl(text)).toBe(true))

  test.each([
    ...['', 'http://', 'http://.', 'http://?', 'http://#', '//foo.com', 'foo.com', 'file:///etc/x'],
    ...[
      'http:///a.com',
      'http://foo bar.com',
      ' http://foo.com',
      'http://foo.com\n',
      'http:/foo.com',
    ],
    ...[
      'http://localhost',
      'http://[::1]/',
      'http://0.0.0.0',
      'http://10.1.1.1',
      'http://127.0.0.1',
    ],
    ...['http://169.254.169.254/', 'http://192.168.1.1', 'http://172.16.0.1', 'http://10.1.1.255'],
    ...['http://0x7f.1', 'http://2130706433', 'http://224.1.1.1', 'http://-a.com', 'http://a-.com'],
    ...['http://foo.com\\@evil.test', 'http://a.b', 'javascript:alert(1)', 'http://1.1.1.0'],
  ])('refuses %p', (text) => expect(isUrl(text)).toBe(false))
})

describe('the formats uri and iri', () => {
  const formats = ['uri', 'iri', 'uri-reference', 'iri-reference']
  const takers = (text: string) =>
    formats.filter((format) => faults({ type: 'string', format }, text).length === 0)

  test.each([
    ...['http://bücher.example/straße?größe=ü#ö', 'https://例子.测试/路径', 'http://مثال.إختبار'],
    ...['http://a.example:65535/x', 'http://[::1]:8080/', 'http://a.example:/', 'urn:isbn:1'],
    ...['http://a.example/x:99999/y', 'http://a.example/?p=:99999', 'mailto:a@b.example:99999'],
  ])('take %s', (text) => expect(takers(text)).toEqual(formats))

  test.each(
    [
      ...[
        'http://a.example:99999',
        'http://a.example:65536/x',
        'http://[::1]:70000/',
        '//a:99999/',
      ],
      ...[
        'http://a.example/\u202e',
        'http://a\u200bb.example/',
        'http://a.example/\u00a0',
        'http://a/ b',
      ],
      ...['http://a.example/\ue000', 'http://a.example/\ud800', 'http://a.example/\u0085'],
      `http://a.example:${'9'.repeat(100_000)}/`,
    ].map((text) => [printable(text).slice(0, 40), text]),
  )('refuse %s', (_, text) => expect(takers(text)).toEqual([]))
})

test('the format byte is base64, and nothing beside it', () => {
  const isByte = (text: string) => faults({ type: 'string', format: 'byte' }, text).length === 0
  expect(['', 'AAAA', 'AA==', 'AAA=', 'a+/9'].filter(isByte)).toHaveLength(5)
  expect(['A', 'AAAA\n', '!\nAAAA', 'A===', 'AA=A', '-_AA', '===='].filter(isByte)).toEqual([])
})

/** Texts made of the pieces that the formats tell apart. */
const piece = fc.constantFrom(
  ...[
    'a',
    'b1',
    '-',
    '.',
    '/',
    '//',
    ':',
    '@',
    '#',
    '?',
    '%41',
    '%',
    '{',
    '}',
    '{+a,b*}',
    '~',
    '~0',
  ],
  ...[
    '[::1]',
    '[v1.a]',
    '[',
    ']',
    '1',
    '0',
    ' ',
    'é',
    '"',
    '^',
    'http:',
    ':80',
    ',',
    '*',
    '!',
    '\\',
  ],
)
const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''))

test.each([
  ...(['uri', 'uri-reference', 'uri-template', 'email', 'json-pointer'] as const),
  ...(['json-pointer-uri-fragment', 'relative-json-pointer'] as const),
])('the format %s takes what ajv-formats takes', (format) => {
  const theirs = fullFormats[format] as RegExp | ((text: string) => boolean)
  const theyTake = (text: string) => (theirs instanceof RegExp ? theirs.test(text) : theirs(text))
  fc.assert(
    fc.property(text, (text) => {
      // Ours are IRIs, too, and know which ports there are.
      const isIri = format === 'uri' || format === 'uri-reference'
      if (isIri) fc.pre(!/:\d{5}/.test(text))
      const theirText = isIri ? text.replaceAll('é', 'a') : text
      expect(faults({ type: 'string', format }, text).length === 0).toBe(theyTake(theirText))
    }),
    { numRuns: 3_000 },
  )
})

describe('uniqueItems', () => {
  const schema = { type: 'object', properties: { a: { type: 'array', uniqueItems: true } } }

  test.each([
    [[1, '1', true, 'true', null, 'null', [1], '[1]', { a: 1 }, '{"a":1}', [], {}, '__proto__']],
    [[[1, 2], [2, 1], { a: 1, b: 2 }, { a: 2, b: 1 }, 0, 1, '']],
    [[]],
  ])('takes what differs: %j', (a) => expect(faults(schema, { a })).toEqual([]))

  test.each([
    [[1, 2, 1], 0, 2],
    [[0, -0], 0, 1],
    [['__proto__', '__proto__'], 0, 1],
    [[{ a: 1, b: [2] }, 3, { b: [2], a: 1 }], 0, 2],
    [[[1], [1]], 0, 1],
    [[null, null], 0, 1],
  ])('refuses what is the same: %j', (a, first, second) => {
    const detail = `must NOT have duplicate items (items ## ${first} and ${second} are identical)`
    for (const all of [false, true]) {
      expect(faults(schema, { a }, all)).toEqual([{ pointer: '/a', detail }])
    }
  })

  test('asks nothing where it is false', () => {
    expect(faults({ type: 'array', uniqueItems: false }, [1, 1])).toEqual([])
  })

  test('refuses in one part and takes in another of the same schema', () => {
    const either = {
      anyOf: [
        { type: 'array', uniqueItems: true },
        { type: 'array', maxItems: 2 },
      ],
    }
    expect(faults(either, [1, 1])).toEqual([])
    expect(faults(either, [1, 1, 1])).not.toEqual([])
  })
})

test('a text longer than maxLength is not compared with its pattern', () => {
  const schema = { type: 'string', maxLength: 20, pattern: '^(a+)+$' }
  for (const all of [false, true]) {
    expect(faults(schema, `${'a'.repeat(5_000)}!`, all)).toEqual([
      { pointer: '', detail: 'must NOT have more than 20 characters' },
    ])
    expect(faults(schema, 'ab', all)).toEqual([
      { pointer: '', detail: 'must match pattern "^(a+)+$"' },
    ])
    expect(faults(schema, 'aa', all)).toEqual([])
  }
  const wide = { type: 'string', maxLength: 2, pattern: '^a' }
  expect(faults(wide, '😀😀', true)).toHaveLength(1)
})
