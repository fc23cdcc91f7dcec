/** The operators' routes about one account over time: as its owner reads the same. */
import { Elysia, t } from 'elysia'
import { readClock } from '../../../ledger/read/read-clock.ts'
import { readBalanceHistory } from '../../../reports/account/balance-history.ts'
import { readCharges } from '../../../reports/charge/charge-page.ts'
import { findFirstEvent } from '../../../reports/log-reader/find-account.ts'
import { readStatementMonths } from '../../../reports/statement/statement-months.ts'
import { readUsageSeries } from '../../../reports/usage/usage-series.ts'
import { orNotFound } from '../../errors/request-refused.ts'
import { oneProblems } from '../../openapi/problem-schema.ts'
import { idParams, month } from '../../schemas/fields.ts'
import {
  BalanceHistoryResponse,
  StatementMonths,
  UsageSeriesResponse,
} from '../../schemas/portal-schema.ts'
import { StatementSchema } from '../../schemas/statement-schema.ts'
import { ChargesResponse } from '../customer/customer-schemas.ts'
import { historyQuery, modeQuery, pageOfCharges, pageQuery, startOf } from '../report-queries.ts'
import type { RouteDeps } from '../route-deps.ts'
import { statementQuery, statementReader } from '../statement.ts'
import { seriesQueryOf, usageQuery } from '../usage-query.ts'

const tags = ['Operators: accounts']

/** One chain, however long: Elysia infers the types of clients from it. */
export function adminAccountReportsRoutes(deps: RouteDeps) {
  const { sql, reports, signIn } = deps
  const readForm = statementReader({ ...deps, noAccount: 'account' })
  return new Elysia({ name: 'admin-account-reports', normalize: false })
    .use(signIn)
    .get(
      '/admin/accounts/:id/usage',
      async ({ params, principal, query }) => ({
        usage: await reports.compute(principal, async (sql) => {
          orNotFound(await findFirstEvent(sql, params.id), 'account')
          return readUsageSeries(sql, seriesQueryOf(params.id, query, await readClock(sql)))
        }),
      }),
      {
        signedIn: 'operator',
        params: idParams,
        query: usageQuery,
        response: { 200: UsageSeriesResponse, ...oneProblems },
        detail: {
          operationId: 'getAccountUsage',
          summary: 'What an account used, over time (30 days by default)',
          description: 'As `GET /account/usage` of its owner.',
          tags,
        },
      },
    )
    .get(
      '/admin/accounts/:id/balance/history',
      async ({ params, principal, query: { days, mode = 'live' } }) => ({
        history: orNotFound(
          await reports.compute(principal, (sql) => readBalanceHistory(sql, params.id, mode, days)),
          'account',
        ),
      }),
      {
        signedIn: 'operator',
        params: idParams,
        query: historyQuery,
        response: { 200: BalanceHistoryResponse, ...oneProblems },
        detail: {
          operationId: 'getAccountBalanceHistory',
          summary: "An account's credits over the last days, and how long they will last",
          description: 'As `GET /account/balance/history` of its owner.',
          tags,
        },
      },
    )
    .get(
      '/admin/accounts/:id/statements',
      async ({ params, query: { mode = 'live' } }) => ({
        statements: orNotFound(await readStatementMonths(sql, params.id, mode), 'account'),
      }),
      {
        signedIn: 'operator',
        params: idParams,
        query: modeQuery,
        response: { 200: StatementMonths, ...oneProblems },
        detail: {
          operationId: 'listAccountStatements',
          summary: 'The months of an account that have statements, the newest first',
          description: 'As `GET /account/statements` of its owner.',
          tags,
        },
      },
    )
    .get(
      '/admin/accounts/:id/statements/:month',
      ({ params, principal, query }) =>
        readForm({ accountId: params.id, month: params.month }, query, principal),
      {
        signedIn: 'operator',
        params: t.Object({ ...idParams.properties, month }),
        query: statementQuery,
        response: { 200: t.Object({ statement: StatementSchema }), ...oneProblems },
        detail: {
          operationId: 'getAccountStatement',
          summary: "A month's statement of an account, computed from the log",
          description: 'As `GET /account/statements/{month}` of its owner.',
          tags,
        },
      },
    )
    .get(
      '/admin/accounts/:id/charges',
      async ({ params, principal, query }) =>
        pageOfCharges(
          await reports.compute(principal, async (sql) => {
            orNotFound(await findFirstEvent(sql, params.id), 'account')
            return readCharges(sql, params.id, startOf(query))
          }),
        ),
      {
        signedIn: 'operator',
        params: idParams,
        query: pageQuery,
        response: { 200: ChargesResponse, ...oneProblems },
        detail: {
          operationId: 'listAnyCharges',
          summary: "What an account's calls cost, the newest first",
          description: 'As `GET /account/charges` of its owner.',
          tags,
        },
      },
    )
}
