/**
 * Everything about keys and accounts over HTTP, as one plugin that also runs by itself. An app that uses
 * it must switch `normalize` off as well: Elysia compiles a plugin's routes with the app's own setting, and
 * with it on an unknown field would vanish instead of being an error.
 */
import { Elysia } from 'elysia'
import type { Config } from '../config/config.ts'
import type { Sql } from '../ledger/connect.ts'
import type { Management } from '../management/management.ts'
import type { Auth } from './auth/auth.ts'
import { authPlugin } from './auth/auth-plugin.ts'
import { errorHandler } from './errors/error-handler.ts'
import { managementBodyParser } from './management-body.ts'
import type { RoutePattern } from './routes/allowed-methods.ts'
import { adminRoutes } from './routes/operator/admin.ts'
import { accountRoutes } from './routes/owner/account.ts'
import { apiKeysRoutes } from './routes/owner/api-keys.ts'

export interface ManagementAppDeps {
  readonly management: Management
  /** For reports; the serving role. */
  readonly sql: Sql
  readonly auth: Auth
  readonly config: Pick<Config, 'routes' | 'limits'>
  readonly requestIdOf: (request: Request) => string
  /** Told of what clients are not. */
  readonly log: (message: string, error: unknown) => void
}

export function managementApp({ config, auth, requestIdOf, log, ...deps }: ManagementAppDeps) {
  const permissions = [...new Set(Object.values(config.routes).map((route) => route.permission))]
  const routeDeps = { ...deps, permissions, signIn: authPlugin(auth, requestIdOf) }
  let routes: readonly RoutePattern[] = []

  // What is registered here comes before the routes, or it would not count for them.
  const app = new Elysia({ name: 'management', normalize: false })
    .onError(errorHandler({ requestIdOf, log, routes: () => routes }))
    .onParse(managementBodyParser(config.limits.maxBodySeconds))
    .onTransform(({ request, set }) => {
      set.headers['x-request-id'] = requestIdOf(request)
      // Answers are about somebody's account, and some carry a secret.
      set.headers['cache-control'] = 'no-store'
    })
    .use(apiKeysRoutes(routeDeps))
    .use(accountRoutes(routeDeps))
    .use(adminRoutes(routeDeps))
  routes = app.routes
  return app
}
