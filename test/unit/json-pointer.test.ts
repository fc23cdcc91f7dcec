import { expect, test } from 'bun:test'
import { pointerStep, shortPointer, valueAt } from '../../src/lib/json-pointer.ts'

/** The document and the values of RFC 6901, section 5. */
const document = {
  foo: ['bar', 'baz'],
  '': 0,
  'a/b': 1,
  'c%d': 2,
  'e^f': 3,
  'g|h': 4,
  'i\\j': 5,
  'k"l': 6,
  ' ': 7,
  'm~n': 8,
}

test.each([
  ['', document],
  ['/foo', ['bar', 'baz']],
  ['/foo/0', 'bar'],
  ['/', 0],
  ['/a~1b', 1],
  ['/c%d', 2],
  ['/e^f', 3],
  ['/g|h', 4],
  ['/i\\j', 5],
  ['/k"l', 6],
  ['/ ', 7],
  ['/m~0n', 8],
] as const)('%p leads where RFC 6901 says', (pointer, value) => {
  expect(valueAt(document, pointer)).toEqual(value as never)
})

test.each([
  '/foo/2',
  '/foo/01',
  '/foo/-',
  '/foo/length',
  '/foo/0/length',
  '/nowhere',
  '/constructor',
  '/__proto__',
  '/__proto__/toString',
  '/foo/map',
])('%p leads nowhere', (pointer) => {
  expect(valueAt(document, pointer)).toBeUndefined()
})

test('a field called __proto__ that a body really has can be reached', () => {
  expect(valueAt(JSON.parse('{"__proto__":{"a":1}}'), '/__proto__/a')).toBe(1)
})

test('a value that is not an object or a list has no fields', () => {
  for (const value of [undefined, null, 'text', 7]) expect(valueAt(value, '/a')).toBeUndefined()
})

test('a name is written as a step and read back', () => {
  expect(valueAt({ 'a/~1': 1 }, pointerStep('a/~1'))).toBe(1)
})

test('a pointer that would fill a response is cut', () => {
  expect(shortPointer(`/${'x'.repeat(10_000)}`)).toHaveLength(200)
  expect(shortPointer('/short')).toBe('/short')
})
