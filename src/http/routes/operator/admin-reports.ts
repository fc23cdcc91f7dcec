/** Operators' routes about everyone's usage, and the log itself. */
import { Elysia, t } from 'elysia'
import { printPosition } from '../../../../events/event.ts'
import { readClock } from '../../../ledger/read/read-clock.ts'
import { eventFeed } from '../../../reports/log-reader/events.ts'
import {
  type TopUser,
  topUsers,
  type UsageOverview,
  usageOverview,
} from '../../../reports/usage/usage-overview.ts'
import { auditedEvent, EventList, eventList } from '../../event-view.ts'
import { answer, id, integer, place, queryInteger } from '../../fields.ts'
import { commonProblems } from '../../openapi/problem-schema.ts'
import { requireValid } from '../../request-refused.ts'
import type { RouteDeps } from '../../routes.ts'
import {
  daysOf,
  daysQuery,
  eventsQuery,
  figuresShape,
  lineShape,
  pageOf,
  rangeOf,
} from '../owner/owner-reports.ts'

const OverviewAnswer = t.Object({
  summary: answer<UsageOverview>(
    t.Object({
      total: t.Object({ ...figuresShape, accounts: integer(), keys: integer() }),
      byPlan: t.Array(t.Object({ plan: t.String(), ...figuresShape, accounts: integer() })),
      byDay: t.Array(t.Object({ date: t.String(), ...figuresShape })),
      byEndpoint: t.Array(lineShape),
    }),
  ),
})

const TopUsersAnswer = t.Object({
  topUsers: answer<readonly TopUser[]>(
    t.Array(
      t.Object({
        accountId: t.String(),
        owner: t.Object({ kind: t.String(), id: t.String() }),
        plan: t.String(),
        keys: integer(),
        ...figuresShape,
        lastUsedAt: t.String(),
      }),
    ),
  ),
})

const tags = ['Operators: reports']

export function adminReportsRoutes({ management, sql, signIn }: RouteDeps) {
  return new Elysia({ name: 'admin-reports', normalize: false })
    .use(signIn)
    .get(
      '/admin/usage/summary',
      async ({ query }) => ({
        summary: await usageOverview(sql, daysOf(query, await readClock(sql))),
      }),
      {
        signedIn: 'reader',
        query: daysQuery,
        response: { 200: OverviewAnswer, ...commonProblems },
        detail: { summary: "Everyone's usage, live mode (30 days unless told)", tags },
      },
    )
    .get(
      '/admin/usage/top-users',
      async ({ query: { limit, ...query } }) => ({
        topUsers: await topUsers(sql, { limit, ...daysOf(query, await readClock(sql)) }),
      }),
      {
        signedIn: 'reader',
        query: t.Object({
          ...daysQuery.properties,
          limit: queryInteger({ minimum: 1, maximum: 200, default: 10 }),
        }),
        response: { 200: TopUsersAnswer, ...commonProblems },
        detail: { summary: 'The accounts that were charged most', tags },
      },
    )
    .get(
      '/admin/events',
      async ({ query: { accountId, keyId, from, to, ...rest } }) => {
        const range = rangeOf(from, to)
        if ('detail' in range) requireValid([range])
        const { filter, page } = pageOf(rest)
        const found = await eventFeed(
          sql,
          {
            ...filter,
            ...range,
            ...(accountId !== undefined && { accountId }),
            ...(keyId !== undefined && { keyId }),
          },
          page,
        )
        const reasons = await management.readReasons(found.events)
        return eventList(found, (event) => auditedEvent(event, reasons.get(printPosition(event))))
      },
      {
        signedIn: 'reader',
        query: t.Object({
          ...eventsQuery.properties,
          accountId: t.Optional(id),
          keyId: t.Optional(id),
          from: t.Optional(place),
          to: t.Optional(place),
        }),
        response: { 200: EventList, ...commonProblems },
        detail: { summary: 'The log: by account, key, type and position', tags },
      },
    )
}
