import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { mintKey } from '../../src/gate/authenticate/key-format.ts'
import { secureRandom } from '../../src/lib/base62.ts'
import { redactor } from '../../src/lib/redact.ts'

const prefixes = { live: 'sk_live_', test: 'a.b+' }
const redact = redactor(Object.values(prefixes))

describe('a secret is replaced in a text', () => {
  test('a key, wherever it stands', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        fc.constantFrom('live', 'test'),
        (before, after, mode) => {
          const { key } = mintKey({ prefixes, mode, shard: 0, random: secureRandom })
          expect(redact(before + key + after)).not.toContain(key)
          expect(JSON.parse(redact(JSON.stringify({ text: before + key + after })))).toEqual({
            text: expect.any(String),
          })
        },
      ),
    )
  })

  test.each([
    ['key sk_live_00abcdefghij is bad', 'key sk_live_[secret] is bad'],
    ['GET /api-keys/sk_live_00abcdefghij/usage', 'GET /api-keys/sk_live_[secret]/usage'],
    ['Authorization: Bearer abcdefghijklmnop.qr', 'Authorization: Bearer [secret]'],
    ['token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.a-b_c.', 'token [token].'],
    ['at postgres://me:pass%20word@db:5432/x', 'at postgres://me:[secret]@db:5432/x'],
    ['redis://:hunter2@cache', 'redis://:[secret]@cache'],
    ['at postgres://me:p@h1:5432,[::1]/x', 'at postgres://me:[secret]@h1:5432,[::1]/x'],
    ["host=db password='two words' user=me", 'host=db password=[secret] user=me'],
    [
      'postgres:///x?password=p%20w&sslpassword=q',
      'postgres:///x?password=[secret]&sslpassword=[secret]',
    ],
  ])('%p', (text, without) => {
    expect(redact(text)).toBe(without)
  })
})

test.each(['key sk_live_…4f2a of acc_1', 'GET http://127.0.0.1:3030/ready', 'the basic facts'])(
  '%p is not changed',
  (text) => expect(redact(text)).toBe(text),
)
