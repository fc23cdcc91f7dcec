/**
 * Finds the route of a request. A path without parameters is a route's byte for byte, or it is no route. What stands for a
 * parameter is decoded, checked and encoded again (path-texts.ts), and the path that is authorized and forwarded is made
 * of that. So no spelling (`//`, `%2f`, `..;`) can mean one route here and another to the upstream.
 *
 * Dots (`..`, `%2e%2e`), backslashes and a host in the target are gone by then: the server hands over a URL, whose path
 * was resolved by its standard.
 */
import type { Route } from '../../config/config.ts'
import { formOf } from '../../lib/path-precedence.ts'
import { type PathTemplate, parsePathTemplate, pathFiller } from '../../lib/path-template.ts'
import { invalidRequest, type Refusal } from '../../problems/refusal.ts'
import type { Provider } from '../../providers/provider.ts'
import { type ReadTarget, type TargetReader, targetReader } from './call-target.ts'
import { type FoundPath, pathRouter } from './path-router.ts'
import { decodeSegment, decodeTail, type PathTexts, writeOut } from './path-texts.ts'

type FoundRoute =
  | {
      readonly ok: true
      readonly route: Route
      /** Checks what the path and the query say. */
      readonly readTarget: () => ReadTarget
    }
  | { readonly ok: false; readonly refusal: Refusal; readonly provider: Provider | undefined }

interface RouteTable {
  /** Whether the path is that of a route, or would be if it were written well. */
  isKnown(path: string): boolean
  /** Whose clients ask for the path. One that no route has may be another part of a provider's API. */
  providerOf(path: string): Provider | undefined
  find(request: Request): FoundRoute
}

export function routeTable(routes: readonly Route[]): RouteTable {
  const findPath = pathRouter(entriesOf(routes))
  const anyProvider = providerIn(routes)
  return {
    isKnown: (path) => findPath(path) !== undefined,
    providerOf(path) {
      const found = findPath(path)
      return found ? found.entry.provider : anyProvider
    },
    find({ url, method }) {
      const path = pathOf(url)
      const found = findPath(path)
      if (!found) return { ok: false, refusal: notFound, provider: anyProvider }
      const { entry } = found
      const known = entry.byMethod.get(method)
      if (!known) return { ok: false, refusal: methodNotAllowed(entry), provider: entry.provider }
      const { route, readTarget } = known
      const query = queryOf(url)
      if (found.texts.length === 0) {
        return { ok: true, route, readTarget: () => readTarget(noTexts, query) }
      }
      const readEncoded = () => {
        const texts = decode(known, found.texts)
        if ('refusal' in texts) return texts
        const isClear = !path.includes('%') || meansTheSame(known, found, texts, findPath)
        return isClear ? readTarget(texts, query) : { refusal: ambiguous }
      }
      return { ok: true, route, readTarget: readEncoded }
    },
  }
}

/** The path of a URL, without its query. In a request of HTTP/1.0 that names no host, nothing stands before it. */
export function pathOf(url: string): string {
  const start = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('//') + 2)
  const end = url.search(/[?#]/)
  return end < 0 ? url.slice(start) : url.slice(start, end)
}

/** What stands behind the `?`; undefined for nothing. A fragment, which some clients send, is not looked at. */
function queryOf(url: string): string | undefined {
  const start = url.indexOf('?')
  if (start < 0) return undefined
  const fragment = url.indexOf('#')
  const query = fragment < 0 ? url.slice(start + 1) : url.slice(start + 1, fragment)
  return query === '' || (fragment >= 0 && fragment < start) ? undefined : query
}

/** The routes of one path: one for each method. */
interface PathEntry {
  readonly byMethod: ReadonlyMap<string, MethodRoute>
  /** Its methods, as a header says them. */
  readonly allow: string
  readonly provider: Provider | undefined
}

interface MethodRoute {
  readonly route: Route
  readonly readTarget: TargetReader
  readonly template: PathTemplate
  readonly fill: (texts: Readonly<Record<string, string>>) => string
}

function entriesOf(routes: readonly Route[]) {
  const byForm = new Map<string, { template: PathTemplate; byMethod: Map<string, MethodRoute> }>()
  for (const route of routes) {
    const template = parsePathTemplate(route.path)
    const form = formOf(template)
    const { byMethod } = byForm.get(form) ?? { byMethod: new Map<string, MethodRoute>() }
    const one = { route, template, readTarget: targetReader(route), fill: pathFiller(template) }
    for (const method of route.methods) byMethod.set(method, one)
    byForm.set(form, { template, byMethod })
  }
  return [...byForm.values()].map(({ template, byMethod }) => {
    const allow = [...byMethod.keys()].join(', ')
    const provider = providerIn([...byMethod.values()].map(({ route }) => route))
    const entry: PathEntry = { byMethod, allow, provider }
    return { template, entry }
  })
}

function providerIn(routes: readonly Route[]): Provider | undefined {
  return routes.find(({ provider }) => provider)?.provider
}

function decode(
  { route, template: { names, tail } }: MethodRoute,
  texts: readonly string[],
): PathTexts | { readonly refusal: Refusal } {
  const values: Record<string, string> = Object.create(null)
  const encoded: Record<string, string> = Object.create(null)
  for (const [index, name] of names.entries()) {
    const decodeText = name === tail ? decodeTail : decodeSegment
    const decoded = decodeText(texts[index] as string, route.encodedSlash)
    if ('fault' in decoded) {
      return { refusal: invalidRequest([{ pointer: `path/${name}`, detail: decoded.fault }]) }
    }
    values[name] = decoded.value
    encoded[name] = decoded.encoded
  }
  return { values, encoded }
}

/**
 * Whether someone who decodes the path before reading it reads the same in it: this route, and these values. Where slashes
 * may be encoded, such a reader may also find no route.
 */
function meansTheSame(
  { route, template: { names }, fill }: MethodRoute,
  { entry }: FoundPath<PathEntry>,
  { values }: PathTexts,
  findPath: (path: string) => FoundPath<PathEntry> | undefined,
): boolean {
  const written = names.map((name) => writeOut(values[name] as string))
  const path = fill(Object.fromEntries(names.map((name, i) => [name, written[i] as string])))
  const meant = findPath(path)
  if (meant === undefined) return route.encodedSlash
  return meant.entry === entry && meant.texts.every((text, i) => text === written[i])
}

function methodNotAllowed({ allow }: PathEntry): Refusal {
  return {
    code: 'method_not_allowed',
    detail: `This path takes ${allow}.`,
    headers: { Allow: allow },
  }
}

const ambiguous = invalidRequest([
  { pointer: 'path', detail: 'means another path when it is decoded' },
])

const noTexts: PathTexts = { values: {}, encoded: {} }

const notFound: Refusal = { code: 'not_found', detail: 'There is no such route; see /docs.' }
