/** The router finds what a plain search through all templates, in their order of precedence, finds. */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { comparePrecedence, formOf, overlaps } from '../../src/lib/path-precedence.ts'
import { matchPath, type PathTemplate, parsePathTemplate } from '../../src/lib/path-template.ts'
import { pathRouter } from '../../src/proxy/request/path-router.ts'

const router = (texts: readonly string[]) =>
  pathRouter(texts.map((text) => ({ template: parsePathTemplate(text), entry: text })))

test.each([
  ['/v1/files/new', '/v1/files/new', []],
  ['/v1/files/news', '/v1/files/{id}', ['news']],
  ['/v1/files/a/content', '/v1/files/{id}/content', ['a']],
  ['/v1/files/new/content', '/v1/files/{id}/content', ['new']],
  ['/v1/files/new/other', '/v1/files/{path*}', ['new/other']],
  ['/v1/m:make', '/v1/{model}:make', ['m']],
  ['/v1/m:other', '/v1/{model}', ['m:other']],
  ['/v1/a:b', '/v1/a:b', []],
  ['/v1/a:b/x', '/v1/a:b/{id}', ['x']],
  ['/v1/c:b/x', '/v1/{any}/x', ['c:b']],
  ['/v1/c:b/y', undefined, undefined],
  ['/v1', undefined, undefined],
] as const)('%s is found at %p', (path, entry, texts) => {
  const find = router([
    ...['/v1/files/new', '/v1/files/{id}', '/v1/files/{id}/content', '/v1/files/{path*}'],
    ...['/v1/{model}:make', '/v1/{model}', '/v1/a:b', '/v1/a:b/{id}', '/v1/{any}/x'],
  ])
  const found = find(path)
  expect([found?.entry, found?.texts] as unknown[]).toEqual([entry, texts])
})

const segment = fc.constantFrom('a', 'ab', 'b', 'a:m', '{}', 'a{}', '{}:m', '{}:mm', '{}-{}', 'a-b')
const templates = fc
  .array(fc.tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.boolean()), {
    minLength: 1,
    maxLength: 12,
  })
  .map((list) =>
    list.map(([segments, hasTail]) => named([...segments, ...(hasTail ? ['{*}'] : [])])),
  )
const path = fc
  .array(fc.constantFrom('a', 'ab', 'b', 'a:m', 'b:mm', 'a-b', 'x', '', '-'), {
    minLength: 1,
    maxLength: 6,
  })
  .map((segments) => `/${segments.join('/')}`)

function named(segments: readonly string[]): PathTemplate {
  let count = 0
  const text = segments.map((one) => one.replace(/\{/g, () => `{p${count++}`)).join('/')
  return parsePathTemplate(`/${text}`)
}

test('whatever the templates and the path are', () => {
  fc.assert(
    fc.property(templates, fc.array(path, { minLength: 20, maxLength: 20 }), (list, paths) => {
      const entries = [...new Map(list.map((one) => [formOf(one), one])).values()].map(
        (template) => ({ template, entry: template.text }),
      )
      const find = pathRouter(entries)
      for (const wanted of paths) {
        const found = find(wanted)
        const matching = entries.filter(
          ({ template }) => matchPath(template, wanted.slice(1).split('/')) !== undefined,
        )
        const best = matching.toSorted((a, b) => comparePrecedence(a.template, b.template))[0]
        expect(found === undefined).toBe(best === undefined)
        for (const { template } of matching) {
          expect(matching.every((other) => overlaps(template, other.template))).toBe(true)
        }
        const template = entries.find(({ entry }) => entry === found?.entry)?.template
        if (best && template) expect(comparePrecedence(best.template, template)).toBe(0)
      }
    }),
    { numRuns: 400 },
  )
})
