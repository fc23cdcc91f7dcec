/** The owners' routes about what their keys used and what happened to them. */
import { Elysia } from 'elysia'
import { readEventFeed } from '../../../reports/log-reader/event-feed.ts'
import { readUsageByDay } from '../../../reports/usage/usage-by-day.ts'
import { readUsageSummary } from '../../../reports/usage/usage-summary.ts'
import { oneProblems } from '../../openapi/problem-schema.ts'
import { EventList, listEvents, ownedEvent } from '../../schemas/event-schema.ts'
import { idParams } from '../../schemas/fields.ts'
import { UsageResponse, UsageSummaryResponse } from '../../schemas/usage-schema.ts'
import { daysOf, daysQuery, eventsQuery, monthQuery, pageOf } from '../report-queries.ts'
import type { OwnersRouteDeps } from '../route-deps.ts'
import { readOwnKey } from './read-own-key.ts'

const tags = ['API keys']

export function keyReportsRoutes({ management, reports, signIn }: OwnersRouteDeps) {
  return new Elysia({ name: 'key-reports', normalize: false })
    .use(signIn)
    .get(
      '/api-keys/:id/usage',
      async ({ params, principal, query }) => {
        const { keyId, readAt } = await readOwnKey(management, principal, params.id)
        const days = daysOf(query, new Date(readAt))
        return {
          usage: await reports.compute(principal, (sql) => readUsageByDay(sql, { keyId, ...days })),
        }
      },
      {
        signedIn: 'owner',
        params: idParams,
        query: daysQuery,
        response: { 200: UsageResponse, ...oneProblems },
        detail: {
          operationId: 'getApiKeyUsage',
          summary: 'What a key used, by day and endpoint (30 days by default)',
          description:
            'Calls, failures, credits and quantities of a key, for each UTC day and endpoint.',
          tags,
        },
      },
    )
    .get(
      '/api-keys/:id/usage/summary',
      async ({ params, principal, query: { month } }) => {
        const { keyId } = await readOwnKey(management, principal, params.id)
        const wanted = month ? { keyId, month } : { keyId }
        return {
          summary: await reports.compute(principal, (sql) => readUsageSummary(sql, wanted)),
        }
      },
      {
        signedIn: 'owner',
        params: idParams,
        query: monthQuery,
        response: { 200: UsageSummaryResponse, ...oneProblems },
        detail: {
          operationId: 'getApiKeyUsageSummary',
          summary: 'What a key used in a month, or ever',
          description:
            'The sums of a key over a UTC month, or over all time, and for each endpoint.',
          tags,
        },
      },
    )
    .get(
      '/api-keys/:id/events',
      async ({ params, principal, query }) => {
        const { keyId } = await readOwnKey(management, principal, params.id)
        const { filter, page } = pageOf(query)
        const found = await reports.compute(principal, (sql) =>
          readEventFeed(sql, { keyId, ...filter }, page),
        )
        return listEvents(found, ownedEvent)
      },
      {
        signedIn: 'owner',
        params: idParams,
        query: eventsQuery,
        response: { 200: EventList, ...oneProblems },
        detail: {
          operationId: 'listApiKeyEvents',
          summary: "A key's history: its life and its calls, in the log's order",
          description:
            'The events of a key, from the oldest on. `nextCursor` is the `cursor` of the next page.',
          tags,
        },
      },
    )
}
