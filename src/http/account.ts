/** The routes of an owner's account: what it is on, what it has, and its statements. */
import { Elysia, t } from 'elysia'
import { accountIdOf } from '../ids.ts'
import type { AccountView } from '../management/views.ts'
import { type Balance, balance } from '../reports/balance.ts'
import { BadMonth, statement } from '../reports/statement.ts'
import type { Statement } from '../reports/statement-shape.ts'
import { ownerOf } from './auth.ts'
import { answer, id, integer, mode, month } from './fields.ts'
import { oneProblems } from './problem-schema.ts'
import { invalidRequest } from './refused.ts'
import { found, RequestRefused } from './request-refused.ts'
import type { RouteDeps } from './routes.ts'

const count = integer()
const text = t.String()

export const Account = answer<AccountView>(
  t.Object({
    accountId: text,
    owner: t.Object({ kind: text, id: text }),
    version: count,
    plan: text,
    plannedPlan: t.Nullable(
      t.Object({ plan: text, from: text }, { description: 'The plan that was decided to follow.' }),
    ),
    frozen: t.Boolean(),
    erased: t.Boolean(),
    openedAt: text,
    ownLimits: t.Object({ rateLimit: t.Nullable(count), maxInFlight: t.Nullable(count) }),
    rateLimit: count,
    windowMs: count,
    maxInFlight: count,
    monthlyCredits: count,
    endpoints: t.Union([t.Literal('all'), t.Array(text)]),
    fee: t.Nullable(t.Object({ minorUnits: count, currency: text })),
  }),
)

export const BalanceShape = answer<Balance>(
  t.Object({
    available: integer({ description: 'What a call could hold now.' }),
    held: count,
    debt: count,
    lots: t.Array(
      t.Object({
        lot: text,
        kind: text,
        granted: count,
        settled: count,
        held: count,
        refunded: count,
        adjusted: count,
        available: count,
        startsAt: text,
        expiresAt: t.Nullable(text),
      }),
    ),
    allowance: t.Object({
      month: text,
      granted: count,
      due: integer({ description: 'Given by the plan this month, granted by the next call.' }),
    }),
    month: t.Object({ settled: count, refunded: count, calls: count }),
  }),
)

const StatementShape = answer<Statement>(
  t.Object(
    {
      accountId: text,
      keyId: t.Nullable(text),
      mode,
      month: text,
      from: text,
      until: text,
      final: t.Boolean({ description: 'Nothing appended from now on can change it.' }),
      through: t.Nullable(text),
      charges: t.Object({ calls: count, credits: count }),
      refunds: t.Array(t.Object({ position: text, requestId: text, credits: count })),
      held: t.Array(t.Object({ position: text, requestId: text, credits: count })),
    },
    { description: "A month's statement; every figure names the positions it is the sum of." },
  ),
)

const tags = ['Account']
const noAccount = 'account yet: your first key opens it'

export function accountRoutes({ management, sql, signIn }: RouteDeps) {
  return new Elysia({ name: 'account', normalize: false })
    .use(signIn)
    .get(
      '/account',
      async ({ principal }) => ({
        account: found(await management.readAccount(accountIdOf(ownerOf(principal))), noAccount),
      }),
      {
        signedIn: 'owner',
        response: { 200: t.Object({ account: Account }), ...oneProblems },
        detail: { summary: 'Your account: plan and limits', tags },
      },
    )
    .get(
      '/account/balance',
      async ({ principal, query: { mode = 'live' } }) => ({
        balance: found(await balance(sql, accountIdOf(ownerOf(principal)), mode), noAccount),
      }),
      {
        signedIn: 'owner',
        query: t.Object({ mode: t.Optional(mode) }),
        response: { 200: t.Object({ balance: BalanceShape }), ...oneProblems },
        detail: { summary: 'Your credits, lot by lot', tags },
      },
    )
    .get(
      '/account/statements/:month',
      async ({ params, principal, query: { keyId, lines, mode } }) => {
        const request = {
          accountId: accountIdOf(ownerOf(principal)),
          month: params.month,
          ...(keyId !== undefined && { keyId }),
          ...(lines !== undefined && { lines }),
          ...(mode !== undefined && { mode }),
        }
        const what = keyId === undefined ? noAccount : 'key'
        return { statement: found(await statement(sql, request).catch(notBegun), what) }
      },
      {
        signedIn: 'owner',
        params: t.Object({ month }),
        query: t.Object({
          mode: t.Optional(mode),
          keyId: t.Optional(id),
          lines: t.Optional(t.Boolean({ description: 'With every charge, one by one.' })),
        }),
        response: { 200: t.Object({ statement: StatementShape }), ...oneProblems },
        detail: { summary: "A month's statement, computed from the log", tags },
      },
    )
}

function notBegun(error: unknown): never {
  if (!(error instanceof BadMonth)) throw error
  throw new RequestRefused(invalidRequest([{ pointer: '/month', detail: 'has not begun' }]))
}
