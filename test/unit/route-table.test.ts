/** What a client writes as a path, and what becomes of it. */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import type { CallTarget } from '../../src/proxy/request/call-target.ts'
import { routeTable } from '../../src/proxy/request/route-table.ts'
import { parse, smallConfig } from '../support/small-config.ts'

const paths = {
  file: '/v1/files/{id}',
  newFile: '/v1/files/new',
  content: '/v1/files/{id}/content',
  model: '/v1/models/{id}',
  make: '/v1/models/{id}:make',
  range: '/v1/range/{a}-{b}.json',
  tree: '/v1/trees/{owner}/{path*}',
  package: '/v1/pkg/{name}',
  version: '/v1/pkg/{name}/{version}',
}
const routes = Object.entries(paths).map(([id, path]) => [
  id,
  {
    ...{ method: 'GET', path, summary: 'x', service: 'echo', price: { per: 'free' } },
    ...(path.includes('pkg/{name}') && { encodedSlash: true }),
  },
])
const config = parse(
  smallConfig.slice(0, smallConfig.indexOf('routes:')) +
    stringify({ routes: Object.fromEntries(routes) }),
)
const table = routeTable(Object.values(config.routes))

/** The route and the target of a path as a server hands it over, or the code of its refusal. */
function read(path: string): { id: string; target: CallTarget } | string {
  const found = table.find(new Request(`http://gateway.test${path}`))
  if (!found.ok) return found.refusal.code
  const target = found.readTarget()
  return 'refusal' in target ? target.refusal.code : { id: found.route.id, target }
}

test('a text that is encoded comes back as it was, or the request is refused', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), (text) => {
      // A dot is not encoded, and is gone before the path is read: what is left is another path.
      fc.pre(text.isWellFormed() && text !== '.' && text !== '..')
      const got = read(`/v1/files/${encodeURIComponent(text)}/content`)
      if (typeof got === 'string') return
      expect(got.target.content.parameters).toEqual({ id: text })
      expect(decodeURIComponent(got.target.upstreamPath)).toBe(`/v1/files/${text}/content`)
    }),
    { numRuns: 2_000 },
  )
})

const raw = fc
  .array(
    fc.constantFrom(
      ...[
        '/',
        '.',
        '..',
        '%2e',
        '%2F',
        '%2f',
        '%5c',
        '\\',
        '%25',
        '%252e',
        ';',
        ':',
        ':make',
        '%3A',
      ],
      ...[
        '-',
        '%2D',
        '.json',
        'new',
        'n%65w',
        'content',
        'a',
        'b',
        '%C3%A9',
        '%c0%ae',
        '%',
        '%00',
        '@',
      ],
      ...['+', '%20', '~', '{', '|', '(', "'", '!', '*', '&', '='],
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''))
const prefix = fc
  .constantFrom('files', 'models', 'range', 'trees/me', 'pkg')
  .map((one) => `/v1/${one}/`)

test('a path that is read is read as the same when it is read again, decoded or not', () => {
  fc.assert(
    fc.property(prefix, raw, (start, rest) => {
      const got = read(start + rest)
      if (typeof got === 'string') return
      const { path, upstreamPath } = got.target
      expect(path).toBe(upstreamPath)
      expect(path).toMatch(/^(\/[A-Za-z0-9\-_.!~*'():%]+)+$/)
      // No server resolves anything in it.
      expect(new URL(`http://u${path}`).pathname).toBe(path)
      for (const segment of path.split('/').slice(1)) {
        expect(decodeURIComponent(segment).split('/')).not.toContain('..')
        expect(decodeURIComponent(segment)).not.toMatch(/^$|[\\\0]|%[0-9a-f]{2}/i)
      }
      expect(read(path)).toEqual(got)
      // Whoever decodes it before it routes finds this route, or, where slashes may be encoded, none.
      const decoded = read(path.replace(/%(2[46BCF]|3[ABD]|40)/g, decodeURIComponent))
      if (typeof decoded !== 'string') expect(decoded.id).toBe(got.id)
      else expect(['package', 'version']).toContain(got.id)
    }),
    { numRuns: 5_000 },
  )
})
