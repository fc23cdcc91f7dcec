/** The operators' routes about everyone's calls over time, refusals, any call, and how the ledger stands. */
import { Elysia, t } from 'elysia'
import { printPosition, type RecordedEvent } from '../../../../events/event.ts'
import { readClock } from '../../../ledger/read/read-clock.ts'
import { projectionLags } from '../../../projector/catch-up.ts'
import { readCallReport } from '../../../reports/charge/call-report.ts'
import { readLedgerHealth } from '../../../reports/health/ledger-health.ts'
import { readHourlySeries } from '../../../reports/usage/hourly-series.ts'
import { readMostRefused } from '../../../reports/usage/refusals.ts'
import { orNotFound } from '../../errors/request-refused.ts'
import { commonProblems, oneProblems } from '../../openapi/problem-schema.ts'
import { auditedEvent } from '../../schemas/event-schema.ts'
import { id, mode, queryInteger } from '../../schemas/fields.ts'
import { Health, HourlyUsage, Refusals } from '../../schemas/operations-schema.ts'
import { AuditedCall } from '../../schemas/portal-schema.ts'
import { daysQuery, lastDays, spanOf } from '../report-queries.ts'
import type { RouteDeps } from '../route-deps.ts'
import { stepsQuery, stepsQueryOf } from '../usage-query.ts'

const tags = ['Operators: reports']

/** One chain, however long: Elysia infers the types of clients from it. */
export function adminOperationsRoutes({ management, sql, reports, signIn }: RouteDeps) {
  return new Elysia({ name: 'admin-operations', normalize: false })
    .use(signIn)
    .get(
      '/admin/usage/hourly',
      async ({ principal, query }) => ({
        usage: await reports.compute(principal, async (sql) =>
          readHourlySeries(sql, stepsQueryOf(query, await readClock(sql))),
        ),
      }),
      {
        signedIn: 'operator',
        query: stepsQuery,
        response: { 200: HourlyUsage, ...commonProblems },
        detail: {
          operationId: 'getHourlyUsage',
          summary: "Everyone's calls over time, by what became of them (30 days by default)",
          description:
            'Calls that were charged, free, failed or refused, by UTC day or hour, with what was charged and how long calls took.',
          tags,
        },
      },
    )
    .get(
      '/admin/refusals',
      async ({ principal, query: { limit, mode, accountId, ...query } }) => ({
        refusals: await reports.computeOnPrimary(principal, async (sql) => {
          const days = spanOf(query, await readClock(sql))
          const of = {
            ...(accountId !== undefined && { accountId }),
            ...(mode !== undefined && { mode }),
          }
          return readMostRefused(sql, { ...of, days }, limit)
        }),
      }),
      {
        signedIn: 'operator',
        query: t.Object({
          ...daysQuery.properties,
          days: lastDays,
          accountId: t.Optional(id),
          mode: t.Optional(mode),
          limit: queryInteger({ minimum: 1, maximum: 200, default: 50 }),
        }),
        response: { 200: Refusals, ...commonProblems },
        detail: {
          operationId: 'listRefusals',
          summary: 'Whose calls were refused most, and why (30 days by default)',
          description: 'Calls that were refused, by key and reason, the most frequent first.',
          tags,
        },
      },
    )
    .get(
      '/admin/calls/:requestId',
      async ({ params: { requestId } }) => {
        const { call, price, events } = orNotFound(await readCallReport(sql, requestId), 'call')
        const reasons = await management.readReasons(events)
        const audited = (event: RecordedEvent) =>
          auditedEvent(event, reasons.get(printPosition(event)))
        return { call, price, events: events.map(audited) }
      },
      {
        signedIn: 'operator',
        params: t.Object({ requestId: id }),
        response: { 200: AuditedCall, ...oneProblems },
        detail: {
          operationId: 'getAnyCall',
          summary: 'Any call: what it was charged, or why it was refused',
          description:
            'By its request id: held, charged, delivered and refunded, with its events and the price that it was sold by. Refused calls are kept for a day.',
          tags,
        },
      },
    )
    .get(
      '/admin/health',
      async ({ principal }) => ({
        health: await reports.computeOnPrimary(principal, async (sql) => {
          const lags = await projectionLags(sql)
          const projections = lags.map(({ projection, events, seconds }) => {
            return { projection, events, seconds }
          })
          return { ...(await readLedgerHealth(sql)), projections }
        }),
      }),
      {
        signedIn: 'operator',
        response: { 200: Health, ...commonProblems },
        detail: {
          operationId: 'getLedgerHealth',
          summary: 'How the ledger and its gateways stand',
          description:
            'Where each shard ends, which gateways append, and how far projections are behind.',
          tags,
        },
      },
    )
}
