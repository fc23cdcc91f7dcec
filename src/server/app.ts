/** The Elysia app: all routes but the configured calls, which come here only when CORS is configured. */
import { Elysia } from 'elysia'
import type { Config } from '../config/config.ts'
import type { RoutePattern } from '../http/allowed-methods.ts'
import { errorHandler } from '../http/errors/error-handler.ts'
import { type ManagementAppDeps, managementApps } from '../http/management-app.ts'
import type { DocumentedConfig } from '../http/openapi/openapi-calls.ts'
import { type CustomerDeps, customerRoutes } from '../http/routes/customer/customer.ts'
import { docsRoutes } from '../http/routes/system/docs.ts'
import { type SystemDeps, systemRoutes } from '../http/routes/system/system.ts'
import { newRequestId } from '../lib/ids.ts'
import type { CallProxy } from '../proxy/proxy.ts'
import { crossOrigin } from './cross-origin.ts'

/** What calls, and customers' programs, are served by. */
interface CallsPlane {
  readonly proxy: CallProxy
  readonly customer: CustomerDeps
}

type ManagementPlane = Omit<ManagementAppDeps, 'requestIdOf' | 'log' | 'config'>

export interface AppDeps {
  /** Absent: this gateway sells nothing. */
  readonly calls?: CallsPlane | undefined
  /** Absent: it has no routes of owners and operators. */
  readonly management?: ManagementPlane | undefined
  readonly config: ManagementAppDeps['config'] & DocumentedConfig
  readonly system: SystemDeps
  /** The origins whose pages may call. `*` means all of them; without any, no page of another origin may. */
  readonly corsOrigins: readonly string[]
  /** Headers that these pages may send, beside those that the gateway knows. */
  readonly corsHeaders?: readonly string[]
  readonly log: (message: string, error?: unknown) => void
}

export function createApp(deps: AppDeps) {
  return createApps(deps).app
}

/** The app, and the console's, which has a listener of its own. */
export function createApps(deps: AppDeps) {
  const { calls, management, system, corsOrigins, corsHeaders = [], config, log } = deps
  const requestIdOf = requestIds()
  const ofManagement = management && managementApps({ ...management, config, log, requestIdOf })
  let routes: readonly RoutePattern[] = []
  // With standardHostname, a request whose host has at most three letters would find no route.
  const app = new Elysia({ normalize: false, handler: { standardHostname: false } })
    .onError(errorHandler({ requestIdOf, log, routes: () => routes }))
    .use(crossOrigin(corsOrigins, corsHeaders, config))
    .use(systemRoutes(system))
    .use(orNone(calls && customerRoutes(calls.customer)))
    .use(orNone(ofManagement?.management))
    .use(docsRoutes(calls ? config : { ...config, routes: {} }))
  if (calls) {
    const handleCall = ({ request }: { readonly request: Request }) => calls.proxy.handle(request)
    for (const pattern of ['/v1/*', ...callPatterns(config)]) {
      app.all(pattern, handleCall, { parse: 'none', detail: { hide: true } })
    }
  }
  // The routes for the preflight requests of browsers make no path a known one.
  routes = app.routes.filter(({ method }) => method !== 'OPTIONS')
  return { app, console: ofManagement?.console }
}

/** No routes where there is no plugin. The app has the type of all of them, from which clients are made. */
function orNone<Plugin>(plugin: Plugin | undefined): Plugin {
  return plugin ?? (new Elysia({ normalize: false }) as Plugin)
}

/** What the configured paths begin with, beside `/v1/*`: there, too, the proxy has what is not the app's own. */
function callPatterns({ routes }: Pick<Config, 'routes'>): Set<string> {
  const patterns = Object.values(routes).map(({ path }) => {
    const [, root, ...rest] = path.split('/')
    return rest.length === 0 ? `/${root}` : `/${root}/*`
  })
  return new Set(patterns.filter((pattern) => pattern !== '/v1/*'))
}

/** The app's routes as a type, from which Eden makes a client; see docs/client.md. */
export type App = ReturnType<typeof createApp>

/** The response to a request and its log lines have the same id. */
function requestIds(): (request: Request) => string {
  const ids = new WeakMap<Request, string>()
  return (request) => {
    const known = ids.get(request)
    if (known !== undefined) return known
    const id = newRequestId()
    ids.set(request, id)
    return id
  }
}
