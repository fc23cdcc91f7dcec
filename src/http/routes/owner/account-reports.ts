/** The owners' routes from which pages draw: usage of all keys, credits over time, statements, calls and prices. */
import { Elysia, t } from 'elysia'
import { readClock } from '../../../ledger/read/read-clock.ts'
import { readCurrentTariffs } from '../../../ledger/read/read-tariffs.ts'
import { accountIdOf } from '../../../lib/ids.ts'
import { readBalanceHistory } from '../../../reports/account/balance-history.ts'
import { readCallReceipt } from '../../../reports/charge/call-receipt.ts'
import { readCharges } from '../../../reports/charge/charge-page.ts'
import { readStatementMonths } from '../../../reports/statement/statement-months.ts'
import { readUsageSeries } from '../../../reports/usage/usage-series.ts'
import { ownerOf, type Principal } from '../../auth/auth.ts'
import { orNotFound } from '../../errors/request-refused.ts'
import { commonProblems, oneProblems } from '../../openapi/problem-schema.ts'
import { id } from '../../schemas/fields.ts'
import {
  BalanceHistoryResponse,
  Receipt,
  StatementMonths,
  UsageSeriesResponse,
} from '../../schemas/portal-schema.ts'
import { ChargesResponse, PricesResponse } from '../customer/customer-schemas.ts'
import { pricesFrom } from '../customer/prices.ts'
import { historyQuery, modeQuery, pageOfCharges, pageQuery, startOf } from '../report-queries.ts'
import type { OwnersRouteDeps } from '../route-deps.ts'
import { seriesQueryOf, usageQuery } from '../usage-query.ts'
import { noAccount } from './account.ts'

const tags = ['Account']
const accountOf = (principal: Principal) => accountIdOf(ownerOf(principal))

/** One chain, however long: Elysia infers the types of clients from it. */
export function accountReportsRoutes({ sql, reports, signIn, routes }: OwnersRouteDeps) {
  return new Elysia({ name: 'account-reports', normalize: false })
    .use(signIn)
    .get(
      '/account/usage',
      async ({ principal, query }) => ({
        usage: await reports.compute(principal, async (sql) =>
          readUsageSeries(sql, seriesQueryOf(accountOf(principal), query, await readClock(sql))),
        ),
      }),
      {
        signedIn: 'owner',
        query: usageQuery,
        response: { 200: UsageSeriesResponse, ...commonProblems },
        detail: {
          operationId: 'getUsage',
          summary: 'What all your keys used, over time (30 days by default)',
          description:
            'Calls, failures, refusals and credits of each UTC day or hour: in all, or by key, route, model or outcome.',
          tags,
        },
      },
    )
    .get(
      '/account/balance/history',
      async ({ principal, query: { days, mode = 'live' } }) => ({
        history: orNotFound(
          await reports.compute(principal, (sql) =>
            readBalanceHistory(sql, accountOf(principal), mode, days),
          ),
          noAccount,
        ),
      }),
      {
        signedIn: 'owner',
        query: historyQuery,
        response: { 200: BalanceHistoryResponse, ...oneProblems },
        detail: {
          operationId: 'getBalanceHistory',
          summary: 'Your credits over the last days, and how long they will last',
          description:
            'What the lots of each kind had left at the end of each UTC day, and a forecast at the mean of the last seven days.',
          tags,
        },
      },
    )
    .get(
      '/account/statements',
      async ({ principal, query: { mode = 'live' } }) => ({
        statements: orNotFound(
          await readStatementMonths(sql, accountOf(principal), mode),
          noAccount,
        ),
      }),
      {
        signedIn: 'owner',
        query: modeQuery,
        response: { 200: StatementMonths, ...oneProblems },
        detail: {
          operationId: 'listStatements',
          summary: 'The months that have statements, the newest first',
          description:
            'Each UTC month since the account was opened, with its sums. `GET /account/statements/{month}` has the whole.',
          tags,
        },
      },
    )
    .get(
      '/account/charges',
      async ({ principal, query }) =>
        pageOfCharges(
          await reports.compute(principal, (sql) =>
            readCharges(sql, accountOf(principal), startOf(query)),
          ),
        ),
      {
        signedIn: 'owner',
        query: pageQuery,
        response: { 200: ChargesResponse, ...commonProblems },
        detail: {
          operationId: 'listAccountCharges',
          summary: 'What your calls cost, the newest first',
          description:
            'The charged calls of all your keys. `nextCursor` is the `cursor` of the next page; a page can have fewer charges than `limit`, although more follow.',
          tags,
        },
      },
    )
    .get(
      '/account/calls/:requestId',
      async ({ params: { requestId }, principal }) => ({
        call: orNotFound(await readCallReceipt(sql, requestId, accountOf(principal)), 'call'),
      }),
      {
        signedIn: 'owner',
        params: t.Object({ requestId: id }),
        response: { 200: Receipt, ...oneProblems },
        detail: {
          operationId: 'getCall',
          summary: 'One of your calls: what it was charged, or why it was refused',
          description:
            'By the request id that its response had as `X-Request-Id`. Refused calls are kept for a day.',
          tags,
        },
      },
    )
    .get('/account/prices', async () => pricesFrom(await readCurrentTariffs(sql), routes), {
      signedIn: 'owner',
      response: { 200: PricesResponse, ...commonProblems },
      detail: {
        operationId: 'getPrices',
        summary: 'Prices and plans in force, and those announced',
        description:
          'As `GET /v1/prices`: the tariff in force, every tariff that is announced, and where the routes are that they price.',
        tags,
      },
    })
}
