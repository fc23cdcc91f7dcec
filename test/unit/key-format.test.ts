import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import {
  type KeyMode,
  maxShard,
  mintKey,
  parseKey,
} from '../../src/gate/authenticate/key-format.ts'
import { base62Digits, secureRandom } from '../../src/lib/base62.ts'

const prefixes = { live: 'sk_live_', test: 'sk_test_' }

function mint(mode: KeyMode = 'live', shard = 0, random = secureRandom) {
  return mintKey({ prefixes, mode, shard, random })
}

/** Keys whose random part fast-check chooses, so that a failure can be run again. */
const keys = fc
  .record({
    mode: fc.constantFrom<KeyMode>('live', 'test'),
    shard: fc.integer({ min: 0, max: maxShard }),
    bytes: fc.uint8Array({ minLength: 32, maxLength: 32, max: 247 }),
  })
  .map(({ mode, shard, bytes }) => mint(mode, shard, () => bytes).key)

describe('minting', () => {
  test('a key says its mode and shard', () => {
    for (const mode of ['live', 'test'] as const) {
      for (const shard of [0, 1, 61, 62, maxShard]) {
        const { key } = mint(mode, shard)
        expect(key).toMatch(/^sk_(live|test)_[0-9A-Za-z]{40}$/)
        expect(parseKey(key, prefixes, false)).toEqual({ mode, shard, legacy: false })
      }
    }
  })

  test('the first and the last shard are written 00 and zz', () => {
    expect(mint('live', 0).key.slice(8, 10)).toBe('00')
    expect(mint('live', maxShard).key.slice(8, 10)).toBe('zz')
    expect(maxShard).toBe(3843)
  })

  test('a shard that two digits cannot name is an error', () => {
    for (const shard of [-1, maxShard + 1, 0.5, Number.NaN]) {
      expect(() => mint('live', shard)).toThrow(RangeError)
    }
  })

  test('the hash is the SHA-256 of the whole key, the display form its prefix and last four', () => {
    const { key, hash, display } = mint()
    expect(hash).toBe(createHash('sha256').update(key).digest('hex'))
    expect(display).toBe(`sk_live_…${key.slice(-4)}`)
  })

  test('bytes that would favour some digits are drawn again', () => {
    const draws = [new Uint8Array(32).fill(255), new Uint8Array(32).fill(247)]
    const { key } = mint('live', 0, () => draws.shift() ?? new Uint8Array())
    expect(key.slice(10, 42)).toBe('z'.repeat(32))
  })

  test('the text of a key never changes between versions', () => {
    const { key } = mint('test', 7, (bytes) => new Uint8Array(bytes).map((_, index) => index))
    expect(key).toBe('sk_test_070123456789ABCDEFGHIJKLMNOPQRSTUV4dwWDM')
  })
})

describe('the checksum', () => {
  test('any single changed character is rejected', () => {
    fc.assert(
      fc.property(
        keys,
        fc.nat(),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
        (key, n, to) => {
          const index = n % key.length
          fc.pre(key[index] !== to)
          expect(parseKey(replaceAt(key, index, to), prefixes, true)).toBeUndefined()
        },
      ),
    )
  })

  test('every change of every character to another digit is rejected', () => {
    const { key } = mint('live', 5)
    for (let index = 0; index < key.length; index++) {
      for (const digit of base62Digits.replace(key.charAt(index), '')) {
        expect(parseKey(replaceAt(key, index, digit), prefixes, true)).toBeUndefined()
      }
    }
  })

  test('any two swapped neighbours are rejected', () => {
    fc.assert(
      fc.property(keys, (key) => {
        for (let index = 0; index + 1 < key.length; index++) {
          const swapped = swapAt(key, index)
          if (swapped !== key) expect(parseKey(swapped, prefixes, true)).toBeUndefined()
        }
      }),
    )
  })

  // What key-format.ts says about the swap across the border of body and checksum. The first digit of a
  // checksum is at most 4, and the difference of two CRCs over bodies that differ in their last byte does
  // not depend on what stands before it: its lowest set bit is the lowest set bit of their exclusive or.
  test('the swap across the border can never produce another valid key', () => {
    expect(Math.floor(0xffffffff / 62 ** 5)).toBe(4)
    expect(62 ** 5 % 32).toBe(0)
    for (const x of '01234') {
      for (const y of '01234'.replace(x, '')) {
        const difference = Bun.hash.crc32(`any body ${x}`) ^ Bun.hash.crc32(`any body ${y}`)
        expect(difference & 31).not.toBe(0)
      }
    }
  })

  test('the mode is covered: a live key is not a test key with another prefix', () => {
    const { key } = mint('live')
    expect(parseKey(key.replace('live', 'test'), prefixes, true)).toBeUndefined()
  })
})

describe('what is no key', () => {
  test('text of another length, alphabet or prefix is rejected', () => {
    const { key } = mint()
    const texts = [
      '',
      'sk_live_',
      key.slice(0, -1),
      `${key}0`,
      ` ${key}`,
      `${key} `,
      key.toUpperCase(),
    ]
    for (const text of [...texts, key.slice(8), `pk_live_${key.slice(8)}`, 'a'.repeat(1_000_000)]) {
      expect(parseKey(text, prefixes, true)).toBeUndefined()
    }
  })

  test('a right checksum over characters that are no digits is rejected', () => {
    const body = `sk_live_00${'-'.repeat(32)}`
    let rest = Bun.hash.crc32(body)
    let checksum = ''
    for (let digit = 0; digit < 6; digit++, rest = Math.floor(rest / 62)) {
      checksum = base62Digits.charAt(rest % 62) + checksum
    }
    expect(parseKey(body + checksum, prefixes, true)).toBeUndefined()
  })

  test('keys with other prefixes are keys only where those are configured', () => {
    const own = { live: 'acme_', test: 'acme_sandbox_' }
    for (const mode of ['live', 'test'] as const) {
      const { key, display } = mintKey({ prefixes: own, mode, shard: 3, random: secureRandom })
      expect(parseKey(key, own, true)).toEqual({ mode, shard: 3, legacy: false })
      expect(parseKey(key, prefixes, true)).toBeUndefined()
      expect(display).toStartWith(`${own[mode]}…`)
    }
  })
})

describe('legacy keys', () => {
  const legacy = `sk_test_${'aZ09-_xyz'.repeat(4).slice(0, 32)}`

  test('pass when they are switched on, and only then', () => {
    expect(parseKey(legacy, prefixes, true)).toEqual({ mode: 'test', legacy: true })
    expect(parseKey(legacy, prefixes, false)).toBeUndefined()
  })

  test('must be 32 base64url characters', () => {
    for (const text of [
      legacy.slice(0, -1),
      `${legacy}a`,
      replaceAt(legacy, 20, '+'),
      replaceAt(legacy, 39, 'é'),
    ]) {
      expect(parseKey(text, prefixes, true)).toBeUndefined()
    }
  })
})

function replaceAt(text: string, index: number, character: string): string {
  return text.slice(0, index) + character + text.slice(index + 1)
}

function swapAt(text: string, index: number): string {
  return text.slice(0, index) + text.charAt(index + 1) + text.charAt(index) + text.slice(index + 2)
}
