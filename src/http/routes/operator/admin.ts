/** All routes of the operators. */
import { Elysia } from 'elysia'
import type { RouteDeps } from '../route-deps.ts'
import { adminAccountReportsRoutes } from './admin-account-reports.ts'
import { adminAccountsRoutes } from './admin-accounts.ts'
import { adminKeysRoutes } from './admin-keys.ts'
import { adminNotesRoutes } from './admin-notes.ts'
import { adminOperationsRoutes } from './admin-operations.ts'
import { adminOperatorKeysRoutes } from './admin-operator-keys.ts'
import { adminPricesRoutes } from './admin-prices.ts'
import { adminReportsRoutes } from './admin-reports.ts'
import { adminSessionsRoutes } from './admin-sessions.ts'
import { adminTariffsRoutes } from './admin-tariffs.ts'

export function adminRoutes(deps: RouteDeps) {
  return new Elysia({ name: 'admin', normalize: false })
    .use(adminKeysRoutes(deps))
    .use(adminAccountsRoutes(deps))
    .use(adminAccountReportsRoutes(deps))
    .use(adminNotesRoutes(deps))
    .use(adminReportsRoutes(deps))
    .use(adminOperationsRoutes(deps))
    .use(adminPricesRoutes(deps))
    .use(adminTariffsRoutes(deps))
    .use(adminSessionsRoutes(deps))
    .use(adminOperatorKeysRoutes(deps))
}
