import { expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { parseKey } from '../../src/gate/authenticate/key-format.ts'
import { isOperatorKey, mintOperatorKey } from '../../src/gate/authenticate/operator-key-format.ts'
import { secureRandom } from '../../src/lib/base62.ts'

test('the text of an operator key never changes between versions', () => {
  const { key } = mintOperatorKey((bytes) => new Uint8Array(bytes).map((_, index) => index))
  expect(key).toBe('sk_op_0123456789ABCDEFGHIJKLMNOPQRSTUV22271j')
})

test('the hash is the SHA-256 of the whole text, the display form its prefix and last four', () => {
  const { key, hash, display } = mintOperatorKey(secureRandom)
  expect(isOperatorKey(key)).toBe(true)
  expect(hash).toBe(createHash('sha256').update(key).digest('hex'))
  expect(display).toBe(`sk_op_…${key.slice(-4)}`)
})

test('any single changed character, and any other length, is no operator key', () => {
  const { key } = mintOperatorKey(secureRandom)
  const character = fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })
  fc.assert(
    fc.property(fc.nat({ max: key.length - 1 }), character, (index, to) => {
      fc.pre(key[index] !== to)
      expect(isOperatorKey(key.slice(0, index) + to + key.slice(index + 1))).toBe(false)
    }),
  )
  for (const other of [
    '',
    'sk_op_',
    key.slice(1),
    key.slice(0, -1),
    `${key}0`,
    ` ${key}`,
    `${key}\n`,
  ]) {
    expect([other, isOperatorKey(other)]).toEqual([other, false])
  }
})

test('an operator key is no API key, whatever API keys begin with', () => {
  const { key } = mintOperatorKey(secureRandom)
  for (const live of ['sk_live_', 'sk_', 'sk', 's']) {
    expect(parseKey(key, { live, test: 'sk_test_' }, true)).toBeUndefined()
  }
})
