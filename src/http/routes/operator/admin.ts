/** All routes of the operators. */
import { Elysia } from 'elysia'
import type { RouteDeps } from '../route-deps.ts'
import { adminAccountsRoutes } from './admin-accounts.ts'
import { adminKeysRoutes } from './admin-keys.ts'
import { adminReportsRoutes } from './admin-reports.ts'

export function adminRoutes(deps: RouteDeps) {
  return new Elysia({ name: 'admin', normalize: false })
    .use(adminKeysRoutes(deps))
    .use(adminAccountsRoutes(deps))
    .use(adminReportsRoutes(deps))
}
