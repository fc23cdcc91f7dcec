/**
 * Sees every request that is no call: management, keys, health. It stands around the app rather than in
 * it, where nothing it does can slow a call down or change an answer. Calls are seen by the proxy.
 */
import { allowedMethods, type RoutePattern } from '../http/routes/allowed-methods.ts'
import { pathOf } from '../proxy/request/route-table.ts'
import type { RequestSeen } from './metrics/metrics.ts'

type Handle = (request: Request) => Response | Promise<Response>

/**
 * @param handle the app
 * @param calls the configured calls: their paths, as they are sent, and what answers them
 * @param routes all routes of the app
 */
export function requestObserver(
  handle: Handle,
  calls: { readonly paths: ReadonlySet<string>; readonly handle: Handle },
  routes: readonly RoutePattern[],
  see: (request: RequestSeen) => void,
): Handle {
  return (request) => {
    const path = pathOf(request.url)
    return calls.paths.has(path) ? calls.handle(request) : handleAndSee(request, path)
  }

  async function handleAndSee(request: Request, path: string): Promise<Response> {
    const startedAtMs = performance.now()
    const response = await handle(request)
    const pattern = patternOf(routes, request.method, path)
    if (pattern?.path !== proxied) {
      see({
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

/** What is left of /v1: the proxy answers it, and sees it. */
const proxied = '/v1/*'

/** The route that answered: the most exact one, since Elysia looks for that. */
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
