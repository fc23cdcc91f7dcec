/** The operators' routes about everyone's usage and the log itself. */
import { Elysia, t } from 'elysia'
import { printPosition } from '../../../../events/event.ts'
import { readClock } from '../../../ledger/read/read-clock.ts'
import { readEventFeed } from '../../../reports/log-reader/event-feed.ts'
import { readNewestEvents } from '../../../reports/log-reader/newest-events.ts'
import { readTopUsers, type TopUser } from '../../../reports/usage/top-users.ts'
import { readUsageOverview, type UsageOverview } from '../../../reports/usage/usage-overview.ts'
import { requireValid } from '../../errors/request-refused.ts'
import { commonProblems } from '../../openapi/problem-schema.ts'
import { auditedEvent, EventList, listEvents } from '../../schemas/event-schema.ts'
import { id, integer, position, queryInteger, typedSchema } from '../../schemas/fields.ts'
import { figuresFields, UsageLineSchema } from '../../schemas/usage-schema.ts'
import { daysOf, daysQuery, eventsQuery, pageOf, rangeOf } from '../report-queries.ts'
import type { RouteDeps } from '../route-deps.ts'

const UsageOverviewResponse = t.Object({
  summary: typedSchema<UsageOverview>(
    t.Object({
      total: t.Object({ ...figuresFields, accounts: integer(), keys: integer() }),
      byPlan: t.Array(t.Object({ plan: t.String(), ...figuresFields, accounts: integer() })),
      byDay: t.Array(t.Object({ date: t.String(), ...figuresFields })),
      byEndpoint: t.Array(UsageLineSchema),
    }),
  ),
})

const TopUsersResponse = t.Object({
  topUsers: typedSchema<readonly TopUser[]>(
    t.Array(
      t.Object({
        accountId: t.String(),
        owner: t.Object({ kind: t.String(), id: t.String() }),
        plan: t.String(),
        keys: integer(),
        ...figuresFields,
        lastUsedAt: t.String(),
      }),
    ),
  ),
})

const tags = ['Operators: reports']

/** One chain, however long: Elysia infers the types of clients from it. */
export function adminReportsRoutes({ management, reports, signIn }: RouteDeps) {
  return new Elysia({ name: 'admin-reports', normalize: false })
    .use(signIn)
    .get(
      '/admin/usage/summary',
      async ({ query, principal }) => ({
        summary: await reports.compute(principal, async (sql) =>
          readUsageOverview(sql, daysOf(query, await readClock(sql))),
        ),
      }),
      {
        signedIn: 'operator',
        query: daysQuery,
        response: { 200: UsageOverviewResponse, ...commonProblems },
        detail: {
          operationId: 'getUsageSummary',
          summary: "Everyone's usage, live mode (30 days by default)",
          description: 'Sums over all accounts: in total, and for each plan, UTC day and endpoint.',
          tags,
        },
      },
    )
    .get(
      '/admin/usage/top-users',
      async ({ query: { limit, ...query }, principal }) => ({
        topUsers: await reports.compute(principal, async (sql) =>
          readTopUsers(sql, { limit, ...daysOf(query, await readClock(sql)) }),
        ),
      }),
      {
        signedIn: 'operator',
        query: t.Object({
          ...daysQuery.properties,
          limit: queryInteger({ minimum: 1, maximum: 200, default: 10 }),
        }),
        response: { 200: TopUsersResponse, ...commonProblems },
        detail: {
          operationId: 'listTopUsers',
          summary: 'The accounts that were charged most',
          description:
            'Accounts by the credits that they were charged in live mode, the most first.',
          tags,
        },
      },
    )
    .get(
      '/admin/events',
      async ({ query: { accountId, keyId, from, to, order, ...rest }, principal }) => {
        const range = rangeOf(from, to)
        if ('detail' in range) requireValid([range])
        const { filter, page } = pageOf(rest)
        const wanted = {
          ...filter,
          ...range,
          ...(accountId !== undefined && { accountId }),
          ...(keyId !== undefined && { keyId }),
        }
        const found = await reports.compute(principal, (sql) =>
          order === 'newest'
            ? readNewestEvents(sql, wanted, { before: page.after, limit: page.limit })
            : readEventFeed(sql, wanted, page),
        )
        const reasons = await management.readReasons(found.events)
        return listEvents(found, (event) => auditedEvent(event, reasons.get(printPosition(event))))
      },
      {
        signedIn: 'operator',
        query: t.Object({
          ...eventsQuery.properties,
          accountId: t.Optional(id),
          keyId: t.Optional(id),
          from: t.Optional(position),
          to: t.Optional(position),
          order: t.Optional(
            t.Union([t.Literal('oldest'), t.Literal('newest')], {
              title: 'oldest or newest',
              description: 'What comes first; the oldest unless it is said.',
            }),
          ),
        }),
        response: { 200: EventList, ...commonProblems },
        detail: {
          operationId: 'listEvents',
          summary: 'The log: by account, key, type and position',
          description:
            "Events of the ledger in the log's order, or the newest first, with the reasons that actors gave. `nextCursor` is the `cursor` of the next page.",
          tags,
        },
      },
    )
}
