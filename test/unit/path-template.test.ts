import { describe, expect, test } from 'bun:test'
import { comparePrecedence, overlaps } from '../../src/lib/path-precedence.ts'
import { matchPath, parsePathTemplate, pathFiller } from '../../src/lib/path-template.ts'

const match = (template: string, path: string) =>
  matchPath(parsePathTemplate(template), path.slice(1).split('/'))

test.each([
  ['/v1/files', '/v1/files', []],
  ['/v1/files', '/v1/file', undefined],
  ['/v1/files/{id}', '/v1/files/a', ['a']],
  ['/v1/files/{id}', '/v1/files/', undefined],
  ['/v1/files/{id}', '/v1/files/a/b', undefined],
  ['/v1/{model}:make', '/v1/a:make', ['a']],
  ['/v1/{model}:make', '/v1/a:make:make', ['a:make']],
  ['/v1/{model}:make', '/v1/:make', undefined],
  ['/v1/{model}:make', '/v1/a:makes', undefined],
  ['/v1/v{n}', '/v1/v2', ['2']],
  ['/v1/v{n}', '/v1/v', undefined],
  ['/{a}-{b}.json', '/1-2-3.json', ['1', '2-3']],
  ['/{a}-{b}.json', '/1-.json', undefined],
  ['/{a}aa{b}', '/aaaa', ['a', 'a']],
  ['/files/{path*}', '/files/a', ['a']],
  ['/files/{path*}', '/files/a/b/c', ['a/b/c']],
  ['/files/{path*}', '/files', undefined],
  ['/{a}/b/{rest*}', '/x/b/c/d', ['x', 'c/d']],
] as const)('%s matches %s: %p', (template, path, texts) => {
  expect(match(template, path) as unknown).toEqual(texts)
})

test('a template makes the path of its texts', () => {
  const fill = (template: string) =>
    pathFiller(parsePathTemplate(template))({ a: 'x', b: 'y%2F', rest: 'p/q' })
  expect(fill('/{a}/f-{b}:make/{rest*}')).toBe('/x/f-y%2F:make/p/q')
  expect(fill('/v1/search')).toBe('/v1/search')
  expect(fill('/')).toBe('/')
})

describe('no template:', () => {
  test.each([
    ['v1', 'a path begins with /'],
    ['/v1//a', 'a segment is empty'],
    ['/v1/', 'a segment is empty'],
    ['/v1/../a', 'a segment is not .., which clients resolve'],
    ['/v1/{a}{b}', 'two parameters of {a}{b} have nothing between them'],
    ['/{a}/{a}', '{a} stands there twice'],
    ['/{a}/{a*}', '{a} stands there twice'],
    ['/{a*}/b', '{a*} stands for the rest of the path, so it is its end'],
    ['/b-{a*}', '{a*} stands for the rest of the path, so it is a whole segment'],
    ['/{a', '{ is not closed in {a'],
    ['/{}', '{} is not named as parameters are: letters, digits'],
    ['/{__proto__}', '{__proto__} is not named as parameters are'],
    ['/a}', '"}" is not for paths'],
    ['/a;b', '";" is not for paths'],
    ['/a%20b', '"%" is not for paths'],
    ['/a*', '"*" is not for paths'],
  ])('%s', (text, message) => {
    expect(() => parsePathTemplate(text)).toThrow(message)
  })
})

test.each([
  ['/a/{x}', '/a/b', true],
  ['/a/{x}', '/a/b/c', false],
  ['/a/{x}', '/{y}/b', true],
  ['/a/{x}', '/b/{x}', false],
  ['/a/{x}:m', '/a/{y}:n', false],
  ['/a/{x}:m', '/a/{y}', true],
  ['/a/{x}:m', '/a/b:m', true],
  ['/a/{x}:m', '/a/b', false],
  ['/a/p-{x}', '/a/{y}-s', true],
  ['/a/{x*}', '/a/b/c', true],
  ['/a/{x*}', '/a', false],
  ['/a/{x*}', '/a/{y}', true],
  ['/a/{x*}', '/a/b/{y*}', true],
  ['/a/{x*}', '/b/{y*}', false],
])('%s and %s have a path in common: %p', (a, b, expected) => {
  const [one, other] = [parsePathTemplate(a), parsePathTemplate(b)]
  expect([overlaps(one, other), overlaps(other, one)]).toEqual([expected, expected])
})

test('a literal comes before a longer and a shorter mixture, that before a parameter, and a tail is last', () => {
  const sorted = ['/a/b', '/a/{x}:make', '/a/{x}:m', '/a/{x}', '/{x}/b', '/{x}/{y*}', '/{x*}']
  const templates = sorted.map(parsePathTemplate)
  expect(
    templates
      .toReversed()
      .toSorted(comparePrecedence)
      .map(({ text }) => text),
  ).toEqual(sorted)
  const equal = [parsePathTemplate('/a/p-{x}'), parsePathTemplate('/a/{x}-p')] as const
  expect(comparePrecedence(...equal)).toBe(0)
})
