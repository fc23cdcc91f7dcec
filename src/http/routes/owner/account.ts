/** The routes of an owner's account: what it is on, what it has, and its statements. */
import { Elysia, t } from 'elysia'
import { type LogPosition, parsePosition } from '../../../../events/event.ts'
import { accountIdOf } from '../../../lib/ids.ts'
import type { AccountView } from '../../../management/views.ts'
import { type Balance, readBalance } from '../../../reports/account/balance.ts'
import { BadPeriod, readStatement } from '../../../reports/statement/read-statement.ts'
import { statementCsv } from '../../../reports/statement/statement-csv.ts'
import { statementPage } from '../../../reports/statement/statement-page.ts'
import type { Statement } from '../../../reports/statement/statement-shape.ts'
import { ownerOf } from '../../auth/auth.ts'
import { invalidRequest } from '../../errors/management-refusals.ts'
import { orNotFound, RequestRefused } from '../../errors/request-refused.ts'
import { oneProblems } from '../../openapi/problem-schema.ts'
import { id, integer, mode, month, position, time, typedSchema } from '../../schemas/fields.ts'
import type { RouteDeps } from '../route-deps.ts'

const count = integer()
const text = t.String()

export const Account = typedSchema<AccountView>(
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

export const BalanceSchema = typedSchema<Balance>(
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

const StatementSchema = typedSchema<Statement>(
  t.Object(
    {
      accountId: text,
      keyId: t.Nullable(text),
      mode,
      month: text,
      timeZone: text,
      from: text,
      until: text,
      asOf: t.Optional(t.Object({ position: text, time: text })),
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
        account: orNotFound(
          await management.readAccount(accountIdOf(ownerOf(principal))),
          noAccount,
        ),
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
        balance: orNotFound(
          await readBalance(sql, accountIdOf(ownerOf(principal)), mode),
          noAccount,
        ),
      }),
      {
        signedIn: 'owner',
        query: t.Object({ mode: t.Optional(mode) }),
        response: { 200: t.Object({ balance: BalanceSchema }), ...oneProblems },
        detail: { summary: 'Your credits, lot by lot', tags },
      },
    )
    .get(
      '/account/statements/:month',
      async ({ params, principal, query: { keyId, lines, mode, tz, asOf, format } }) => {
        const place = asOf === undefined ? undefined : placeOf(asOf)
        const request = {
          accountId: accountIdOf(ownerOf(principal)),
          month: params.month,
          ...(keyId !== undefined && { keyId }),
          ...(lines !== undefined && { lines }),
          ...(mode !== undefined && { mode }),
          ...(tz !== undefined && { timeZone: tz }),
          ...(place !== undefined && { asOf: place }),
        }
        const what = keyId === undefined ? noAccount : 'key'
        const answer = orNotFound(await readStatement(sql, request).catch(notPossible), what)
        return answerIn(format, answer)
      },
      {
        signedIn: 'owner',
        params: t.Object({ month }),
        query: t.Object({
          mode: t.Optional(mode),
          keyId: t.Optional(id),
          lines: t.Optional(t.Boolean({ description: 'With every charge, one by one.' })),
          tz: t.Optional(
            t.String({
              maxLength: 64,
              title: 'a time zone such as Europe/Berlin',
              description: 'Whose days and months they are; UTC without it.',
            }),
          ),
          asOf: t.Optional(
            t.Union([position, time], {
              description: 'As it stood at that position, or at that time.',
            }),
          ),
          format: t.Optional(
            t.Union([t.Literal('json'), t.Literal('csv'), t.Literal('html')], {
              title: 'json, csv or html',
              description: 'csv: its entries, for a spreadsheet; html: a page that can be printed.',
            }),
          ),
        }),
        response: { 200: t.Object({ statement: StatementSchema }), ...oneProblems },
        detail: { summary: "A month's statement, computed from the log", tags },
      },
    )
}

function placeOf(text: string): LogPosition | Date {
  return parsePosition(text) ?? new Date(text)
}

/** Elysia sends a Response as it is; the declared type is that of the JSON answer. */
function answerIn(format: 'json' | 'csv' | 'html' | undefined, statement: Statement) {
  const json = { statement }
  if (format === 'csv') return csvAnswer(statement) as unknown as typeof json
  return format === 'html' ? (pageAnswer(statement) as unknown as typeof json) : json
}

function csvAnswer(statement: Statement): Response {
  const name = `statement-${statement.keyId ?? statement.accountId}-${statement.month}.csv`
  return new Response(statementCsv(statement), {
    headers: {
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': `attachment; filename="${name}"`,
    },
  })
}

/** Nothing on the page may run or be fetched, whatever texts stand in it. */
function pageAnswer(statement: Statement): Response {
  return new Response(statementPage(statement), {
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
    },
  })
}

function notPossible(error: unknown): never {
  if (!(error instanceof BadPeriod)) throw error
  throw new RequestRefused(invalidRequest([{ pointer: error.field, detail: error.message }]))
}
