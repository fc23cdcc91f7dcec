/**
 * Observes every request to the app: management, keys, health. It wraps the app rather than being a part of it, so it
 * changes no response. The proxy observes the calls.
 */
import { allowedMethods, type RoutePattern } from '../http/allowed-methods.ts'
import { pathOf } from '../proxy/request/route-table.ts'
import type { ObservedRequest } from './metrics/metrics.ts'

/**
 * @param handle the app
 * @param routes all routes of the app
 */
export function requestObserver(
  handle: (request: Request) => Response | Promise<Response>,
  routes: readonly RoutePattern[],
  observe: (request: ObservedRequest) => void,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const startedAtMs = performance.now()
    const response = await handle(request)
    const pattern = patternOf(routes, request.method, pathOf(request.url))
    if (pattern?.method !== proxied) {
      observe({
        method: pattern ? request.method : 'other',
        route: pattern?.path ?? 'none',
        status: response.status,
        requestId: response.headers.get('x-request-id') ?? undefined,
        latencyMs: performance.now() - startedAtMs,
      })
    }
    return response
  }
}

/** The method of the routes that hand requests to the proxy, which observes them itself. */
const proxied = 'ALL'

/** The route that handled the request: like Elysia, it prefers the most exact one. */
function patternOf(
  routes: readonly RoutePattern[],
  method: string,
  path: string,
): RoutePattern | undefined {
  const matching = routes.filter(
    (route) => (route.method === method || route.method === 'ALL') && matches(route, path),
  )
  return matching.find((route) => route.path === path) ?? matching.find(noWildcard) ?? matching[0]
}

function matches(route: RoutePattern, path: string): boolean {
  return allowedMethods([route], path).length > 0
}

function noWildcard({ path }: RoutePattern): boolean {
  return !path.includes('*')
}
