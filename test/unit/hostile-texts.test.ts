/**
 * Whatever reads a stranger's text takes time in proportion to its length. A regular expression that begins anew at each
 * character would freeze the gateway: it takes minutes for texts as long as these, so that its test does not end in time.
 */
import { expect, test } from 'bun:test'
import { knownFormats, schemaCheck } from '../../src/config/json-schema.ts'
import { planTones } from '../../src/demo/tones.ts'
import { clientIp } from '../../src/gate/authorize/client-ip.ts'
import { redactor } from '../../src/lib/redact.ts'
import { Secret } from '../../src/lib/secret.ts'
import { secretFinder } from '../../src/lib/secret-forms.ts'
import { mediaTypeOf } from '../../src/proxy/request/media-type.ts'
import { refuseUpgrade } from '../../src/proxy/request/refuse-upgrade.ts'
import { crossing } from '../../src/proxy/upstream/crossing-headers.ts'
import { OwnQuery } from '../../src/proxy/upstream/own-query.ts'
import { commonHeaders, linksIn } from '../../src/proxy/upstream/response-headers.ts'
import { retryAfter } from '../../src/proxy/upstream/retry-after.ts'

const redact = redactor(['sk_live_', 'a'], ["it's-a-secret"])
const _findSecret = (text: string) => secretFinder(["it's-a-secret"])?.(text)
const query = new OwnQuery([['appid', new Secret('it-is-a-secret')]])
const head = (name: string, text: string) => new Response(null, { headers: { [name]: text } })
const get = (name: string, text: string) =>
  new Request('http://gateway.test/', { headers: { [name]: text } })

/** By the reader's name: what it reads, and what may stand before the hostile characters. */
const readers: Record<string, readonly [read: (text: string) => unknown, begins: string[]]> = {
  'the log': [redact, ['', 'Bearer ', 'eyJ', 'password=', 'password', 'a://']],
  Connection: [
    (text) => crossing(new Headers({ connection: text.replace('é', '') }), () => false),
    ['a'],
  ],
  'Cache-Control': [(text) => commonHeaders('GET', head('cache-control', text)), ['a']],
  Link: [linksIn, ['<a>', '<a>;b="', ' ']],
  'Retry-After': [(text) => retryAfter(text, 0), ['1', 'Sun, ']],
  'Content-Type': [mediaTypeOf, ['a/b', 'a/b;', 'a/b;c=', 'a/b;c="', 'a']],
  Upgrade: [(text) => refuseUpgrade(get('upgrade', text)), ['a', 'websocket', ',']],
  'X-Forwarded-For': [
    (text) => clientIp({ socketAddress: '::1', forwardedFor: text, trustedProxies: 9 }),
    ['1'],
  ],
  'a query': [(text) => query.addTo(`http://upstream.test/?${text}`), ['', 'appid']],
  'the words of the demo': [(text) => planTones(text, 'a', 1).sampleCount, ['a', 'a.']],
}

const hostile = [
  ...['\t', ' ', ',', ';', '"', '\\', '=', '<', '>', '.', '-', '_', '/', ':', '@', '%', '[', ']'],
  ...["'", '&', '+', 'a', '1', 'é', '\\"', '":', '";', '<>', '://', 'a.', '-eyJa', ' ,', '%27'],
]

for (const format of knownFormats()) {
  const check = schemaCheck({ type: 'string', format })
  const begins = [
    '',
    'http://',
    'http://a',
    'a@',
    'urn:',
    '/',
    '#',
    'P',
    'http://[',
    'ftp://a@',
    '{',
  ]
  // The longest that a schema says is shorter; a regular expression is compiled to check its format.
  if (format !== 'regex') readers[`the format ${format}`] = [(text) => check(text, false), begins]
}

const length = 300_000

for (const [name, [read, begins]] of Object.entries(readers)) {
  test(`${name} is read in time`, () => {
    for (const begin of begins) {
      for (const characters of hostile) {
        read(`${begin}${characters.repeat(length / characters.length)}é!`)
      }
    }
  })
}

test.each([
  ['numbers', (i: number) => i],
  ['texts', (i: number) => `a${i}`],
  ['mappings', (i: number) => ({ a: i })],
  ['lists', (i: number) => [[i]]],
])('items that must be unique are compared in time: %s', (_, itemOf) => {
  const check = schemaCheck({ type: 'array', uniqueItems: true })
  const items = Array.from({ length }, (_, i) => itemOf(i))
  expect(check(items, false)).toEqual([])
  expect(check([...items, itemOf(7)], false)).toHaveLength(1)
})
