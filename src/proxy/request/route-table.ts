/**
 * Finds the route of a request. A path that is not exactly a configured one, byte for byte, is no route, and the gateway
 * forwards the route's own path. So no spelling (`//`, `%2f`, `..;`) can mean one route here and another to the upstream.
 * Dots (`..`, `%2e%2e`), backslashes and a host in the target are gone by then: the server hands over a URL, whose path
 * was resolved by its standard.
 */
import type { Route } from '../../config/config.ts'
import type { Refusal } from '../../problems/refusal.ts'

type FoundRoute =
  | { readonly ok: true; readonly route: Route }
  | { readonly ok: false; readonly refusal: Refusal }

export function routeTable(routes: readonly Route[]): (request: Request) => FoundRoute {
  const byPath = new Map<string, Map<string, Route>>()
  for (const route of routes) {
    const methods = byPath.get(route.path) ?? new Map<string, Route>()
    byPath.set(route.path, methods.set(route.method, route))
  }
  return ({ url, method }) => {
    const methods = byPath.get(pathOf(url))
    if (!methods) return { ok: false, refusal: notFound }
    const route = methods.get(method)
    if (route) return { ok: true, route }
    const Allow = [...methods.keys()].join(', ')
    const detail = `This path takes ${Allow}.`
    return { ok: false, refusal: { code: 'method_not_allowed', detail, headers: { Allow } } }
  }
}

/** The path of a URL, without its query. In a request of HTTP/1.0 that names no host, nothing stands before it. */
export function pathOf(url: string): string {
  const start = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('//') + 2)
  const end = url.search(/[?#]/)
  return end < 0 ? url.slice(start) : url.slice(start, end)
}

const notFound: Refusal = { code: 'not_found', detail: 'There is no such route; see /docs.' }
