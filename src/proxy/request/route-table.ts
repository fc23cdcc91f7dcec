/**
 * Which route a request is for. What is not exactly a configured path, byte for byte, is no route, and what
 * is forwarded is the route's own path: no spelling (`//`, `%2f`, `..;`) can mean one here and another to a
 * service. Dots (`..`, `%2e%2e`), backslashes and a host in the target are gone by then: the server hands
 * over a URL, whose path was resolved by its standard.
 */
import type { Route } from '../../config/config.ts'
import type { Refusal } from '../../problems/refusal.ts'

export type Found =
  | { readonly ok: true; readonly route: Route }
  | { readonly ok: false; readonly refusal: Refusal }

export function routeTable(routes: readonly Route[]): (request: Request) => Found {
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

/** The path of a URL, without query; a request of HTTP/1.0 that names no host has nothing before it. */
export function pathOf(url: string): string {
  const start = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('//') + 2)
  const end = url.search(/[?#]/)
  return end < 0 ? url.slice(start) : url.slice(start, end)
}

const notFound: Refusal = { code: 'not_found', detail: 'There is no such route; see /docs.' }
