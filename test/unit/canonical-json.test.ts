import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { canonicalJson } from '../../events/canonical-json.ts'

test('keys are sorted at every level and nothing is spaced', () => {
  expect(canonicalJson({ b: [1, { z: null, a: true }], a: 'x' })).toBe(
    '{"a":"x","b":[1,{"a":true,"z":null}]}',
  )
})

test('the order in which fields were written does not matter', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()), (object) => {
      const reversed = Object.fromEntries(Object.entries(object).reverse())
      expect(canonicalJson(reversed)).toBe(canonicalJson(object))
    }),
  )
})

test('the text reads back as the same value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})

test('keys are ordered by UTF-16 units, as RFC 8785 has it', () => {
  const text = canonicalJson({ '€': 1, '\r': 2, '1': 3, '😀': 4, ö: 5, '\ufb33': 6 })
  expect(text).toBe('{"\\r":2,"1":3,"ö":5,"€":1,"😀":4,"\ufb33":6}')
})

test('a field called __proto__ is a field like any other', () => {
  expect(canonicalJson(JSON.parse('{"__proto__":{"a":1}}'))).toBe('{"__proto__":{"a":1}}')
})

test('a field that is undefined is left out', () => {
  expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}')
})

test.each([
  [Number.NaN, 'JSON has no NaN'],
  [Number.POSITIVE_INFINITY, 'JSON has no Infinity'],
  [1n, 'JSON has no bigint'],
  [[undefined], 'JSON has no undefined'],
  [{ at: new Date(0) }, 'JSON has no Date'],
  [new Map(), 'JSON has no Map'],
  ['\ud800', 'JSON text with a lone surrogate'],
  [{ '\udc00': 1 }, 'JSON text with a lone surrogate'],
])('what JSON would lose is refused (%#)', (value, message) => {
  expect(() => canonicalJson(value)).toThrow(message)
})
