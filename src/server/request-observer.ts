/**
 * Observes every request that is not a call: management, keys, health. It wraps the app rather than being a
 * part of it, so it cannot slow a call down or change a response. The proxy observes the calls.
 */
import { allowedMethods, type RoutePattern } from '../http/allowed-methods.ts'
import { pathOf } from '../proxy/request/route-table.ts'
import type { ObservedRequest } from './metrics/metrics.ts'

type Handle = (request: Request) => Response | Promise<Response>

/**
 * @param handle the app
 * @param calls the configured calls: their paths, as clients send them, and their handler
 * @param routes all routes of the app
 */
export function requestObserver(
  handle: Handle,
  calls: { readonly paths: ReadonlySet<string>; readonly handle: Handle },
  routes: readonly RoutePattern[],
  observe: (request: ObservedRequest) => void,
): Handle {
  return (request) => {
    const path = pathOf(request.url)
    return calls.paths.has(path) ? calls.handle(request) : handleAndObserve(request, path)
  }

  async function handleAndObserve(request: Request, path: string): Promise<Response> {
    const startedAtMs = performance.now()
    const response = await handle(request)
    const pattern = patternOf(routes, request.method, path)
    if (pattern?.path !== proxied) {
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

/** Every other path under /v1: the proxy handles and observes it. */
const proxied = '/v1/*'

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
