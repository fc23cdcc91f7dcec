/**
 * All routes of owners and operators, as one plugin that also runs by itself, and those of operators with the console's pages, for its
 * listener. An app that uses one must switch
 * `normalize` off as well: Elysia compiles the routes of a plugin with the setting of the app, and with
 * `normalize` on an unknown field vanishes instead of being an error.
 */
import { Elysia } from 'elysia'
import type { Config } from '../config/config.ts'
import type { RateLimiter } from '../gate/rate-limit/rate-limiter.ts'
import type { Sql } from '../ledger/connect.ts'
import { openSessionRows, type SessionRows } from '../ledger/sessions/session-rows.ts'
import type { NewBodyMemory } from '../lib/body-memory-budget.ts'
import { mapValues } from '../lib/map-values.ts'
import type { Management, OwnersManagement } from '../management/management.ts'
import type { RoutePattern } from './allowed-methods.ts'
import type { Auth } from './auth/auth.ts'
import { authPlugin } from './auth/auth-plugin.ts'
import { openBrowserSessions } from './auth/browser-sessions.ts'
import { openManagementRateLimit } from './auth/management-rate-limit.ts'
import type { OidcSignIn } from './auth/oidc-sign-in.ts'
import { openOperatorKeyLookup } from './auth/operator-keys.ts'
import { openRefusalPace } from './auth/refusal-pace.ts'
import type { SignInLink } from './auth/sign-in-link.ts'
import { operatorsConsole, portal, type Site } from './auth/sites.ts'
import { errorHandler } from './errors/error-handler.ts'
import { managementBodyReader } from './management-body.ts'
import { openReportQueue } from './report-queue.ts'
import type { ReportSource } from './report-source.ts'
import { adminRoutes } from './routes/operator/admin.ts'
import { accountRoutes } from './routes/owner/account.ts'
import { accountReportsRoutes } from './routes/owner/account-reports.ts'
import { apiKeysRoutes } from './routes/owner/api-keys.ts'
import { keyReportsRoutes } from './routes/owner/key-reports.ts'
import { pagesRoutes } from './routes/pages/pages.ts'
import { openSimulations } from './simulations.ts'

/** How browsers sign in to a site. */
interface SignIns {
  /** Absent: no link signs in. */
  readonly signInLink?: SignInLink | undefined
  /** Absent: nobody signs in at an identity provider. */
  readonly oidc?: OidcSignIn | undefined
}

/** What depends on the server that an app stands behind. */
interface Served extends SignIns {
  /** The address of a request's client. */
  readonly ipOf: (request: Request) => string
}

/** What owners' routes use: over a login that can do nothing else, where there is one. */
export interface OwnersPart {
  readonly management: OwnersManagement
  readonly sql: Sql
  readonly reportSource: ReportSource
  readonly sessions: SessionRows
}

interface SharedDeps {
  readonly management: Management
  /** Connects as the role of management. */
  readonly sql: Sql
  readonly reportSource: ReportSource
  /** Absent: owners' routes use what operators' use. */
  readonly owners?: OwnersPart | undefined
  readonly auth: Auth
  readonly config: Pick<Config, 'routes' | 'limits' | 'support' | 'seller'>
  readonly newBodyMemory: NewBodyMemory
  readonly rateLimiter: RateLimiter
  readonly requestIdOf: (request: Request) => string
  /** Gets the errors that clients do not learn. */
  readonly log: (message: string, error: unknown) => void
}

export interface ManagementAppDeps extends SharedDeps, Served {
  /** Absent: there is no console. */
  readonly console?: Served | undefined
}

export function managementApp(deps: ManagementAppDeps) {
  return managementApps(deps).management
}

/** Both apps have one queue of reports, one simulation at a time, and one pace of refusals. */
export function managementApps(deps: ManagementAppDeps) {
  const { config, newBodyMemory, rateLimiter, reportSource, auth, management, sql } = deps
  const { requestIdOf, log } = deps
  const permissions = [...new Set(Object.values(config.routes).map((route) => route.permission))]
  const readBody = managementBodyReader({ maxSeconds: config.limits.maxBodySeconds, newBodyMemory })
  const rateLimit = openManagementRateLimit(rateLimiter, config.limits)
  const awaitRefusal = openRefusalPace()
  const allRows = openSessionRows(sql)
  const operatorKeys = openOperatorKeyLookup(sql)
  const owners = deps.owners ?? { management, sql, reportSource, sessions: allRows }
  const queue = openReportQueue(config.limits.maxReportSeconds, awaitRefusal)
  const reports = queue.over(reportSource)
  const simulations = openSimulations(reportSource, queue, log)
  const routes = mapValues(config.routes, ({ methods, path }) => ({ methods, path }))

  /** What the routes of a site are made of. */
  function partsOf(site: Site, rows: SessionRows, { signInLink, oidc, ipOf }: Served) {
    const sessions = openBrowserSessions({ site, rows, ipOf })
    const guard = { operatorKeys, sessions, rateLimit, ipOf, awaitRefusal, readBody }
    return {
      routeDeps: {
        ...{ management, sql, reports, simulations, permissions, routes, sessions: allRows },
        ...{ support: config.support, seller: config.seller },
        signIn: authPlugin({ auth, ...guard }),
      },
      pagesDeps: {
        ...{ site, signInLink, oidc, log, support: config.support, ...guard },
        seller: config.seller,
      },
    }
  }

  /** Hooks apply only to routes that are registered after them. */
  function appOf(name: string) {
    let known: readonly RoutePattern[] = []
    const app = new Elysia({ name, normalize: false })
      .onError(errorHandler({ requestIdOf, log, routes: () => known }))
      .onTransform(({ request, set }) => {
        set.headers['x-request-id'] = requestIdOf(request)
        // Responses are about somebody's account, and some carry a secret.
        set.headers['cache-control'] = 'no-store'
      })
    const know = (routes: readonly RoutePattern[]) => {
      known = routes
    }
    return { app, know }
  }

  function ofManagement() {
    const { routeDeps, pagesDeps } = partsOf(portal, owners.sessions, deps)
    const ownersDeps = {
      ...{ ...routeDeps, management: owners.management, sql: owners.sql },
      reports: queue.over(owners.reportSource),
    }
    const { app: bare, know } = appOf('management')
    const app = bare
      .use(apiKeysRoutes(ownersDeps))
      .use(keyReportsRoutes(ownersDeps))
      .use(accountRoutes(ownersDeps))
      .use(accountReportsRoutes(ownersDeps))
      .use(adminRoutes(routeDeps))
      .use(pagesRoutes(pagesDeps))
    know(app.routes)
    return app
  }

  function ofConsole(served: Served) {
    const { routeDeps, pagesDeps } = partsOf(operatorsConsole, allRows, served)
    const { app: bare, know } = appOf('console')
    const app = bare
      .use(adminRoutes(routeDeps))
      .use(pagesRoutes(pagesDeps))
      .get('/', () => Response.redirect(operatorsConsole.root, 303), { detail: { hide: true } })
    know(app.routes)
    return app
  }

  return { management: ofManagement(), console: deps.console && ofConsole(deps.console) }
}
