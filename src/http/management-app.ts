/**
 * All routes of owners and operators, as one plugin that also runs by itself. An app that uses it must switch
 * `normalize` off as well: Elysia compiles the routes of a plugin with the setting of the app, and with
 * `normalize` on an unknown field vanishes instead of being an error.
 */
import { Elysia } from 'elysia'
import type { Config } from '../config/config.ts'
import type { RateLimiter } from '../gate/rate-limit/rate-limiter.ts'
import type { Sql } from '../ledger/connect.ts'
import { openPortalSessions } from '../ledger/sessions/portal-sessions.ts'
import type { NewBodyMemory } from '../lib/body-memory-budget.ts'
import { mapValues } from '../lib/map-values.ts'
import type { Management } from '../management/management.ts'
import type { RoutePattern } from './allowed-methods.ts'
import type { Auth } from './auth/auth.ts'
import { authPlugin } from './auth/auth-plugin.ts'
import { openBrowserSessions } from './auth/browser-sessions.ts'
import { openManagementRateLimit } from './auth/management-rate-limit.ts'
import type { OidcSignIn } from './auth/oidc-sign-in.ts'
import { openRefusalPace } from './auth/refusal-pace.ts'
import type { SignInLink } from './auth/sign-in-link.ts'
import { errorHandler } from './errors/error-handler.ts'
import { managementBodyReader } from './management-body.ts'
import { openReportQueue } from './report-queue.ts'
import { adminRoutes } from './routes/operator/admin.ts'
import { accountRoutes } from './routes/owner/account.ts'
import { accountReportsRoutes } from './routes/owner/account-reports.ts'
import { apiKeysRoutes } from './routes/owner/api-keys.ts'
import { keyReportsRoutes } from './routes/owner/key-reports.ts'
import { portalRoutes } from './routes/portal/portal.ts'

export interface ManagementAppDeps {
  readonly management: Management
  /** Connects as the role of management. */
  readonly sql: Sql
  /** The same for reports alone. */
  readonly reportSql: Sql
  readonly auth: Auth
  readonly config: Pick<Config, 'routes' | 'limits'>
  readonly newBodyMemory: NewBodyMemory
  readonly rateLimiter: RateLimiter
  /** Signs in to the portal; absent: none does. */
  readonly signInLink?: SignInLink | undefined
  /** Signs in to the portal at an identity provider; absent: nobody does. */
  readonly oidc?: OidcSignIn | undefined
  /** The address of a request's client. */
  readonly ipOf: (request: Request) => string
  readonly requestIdOf: (request: Request) => string
  /** Gets the errors that clients do not learn. */
  readonly log: (message: string, error: unknown) => void
}

export function managementApp(allDeps: ManagementAppDeps) {
  const { config, newBodyMemory, rateLimiter, reportSql, auth, ...others } = allDeps
  const { signInLink, oidc, ipOf, requestIdOf, log, ...deps } = others
  const permissions = [...new Set(Object.values(config.routes).map((route) => route.permission))]
  const maxSeconds = config.limits.maxBodySeconds
  const readBody = managementBodyReader({ maxSeconds, newBodyMemory })
  const rateLimit = openManagementRateLimit(rateLimiter, config.limits)
  const awaitRefusal = openRefusalPace()
  const sessions = openBrowserSessions(openPortalSessions(deps.sql))
  const reports = openReportQueue(reportSql, config.limits.maxReportSeconds, awaitRefusal)
  const routeDeps = {
    ...deps,
    reports,
    permissions,
    signIn: authPlugin({ auth, sessions, rateLimit, ipOf, awaitRefusal, readBody }),
  }
  const addresses = mapValues(config.routes, ({ methods, path }) => ({ methods, path }))
  let routes: readonly RoutePattern[] = []

  // Hooks apply only to routes that are registered after them.
  const app = new Elysia({ name: 'management', normalize: false })
    .onError(errorHandler({ requestIdOf, log, routes: () => routes }))
    .onTransform(({ request, set }) => {
      set.headers['x-request-id'] = requestIdOf(request)
      // Responses are about somebody's account, and some carry a secret.
      set.headers['cache-control'] = 'no-store'
    })
    .use(apiKeysRoutes(routeDeps))
    .use(keyReportsRoutes(routeDeps))
    .use(accountRoutes(routeDeps))
    .use(accountReportsRoutes({ ...routeDeps, routes: addresses }))
    .use(adminRoutes(routeDeps))
    .use(portalRoutes({ sessions, signInLink, oidc, ipOf, awaitRefusal, readBody, log }))
  routes = app.routes
  return app
}
