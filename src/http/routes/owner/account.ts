/** The routes of an owner's account: its plan and limits, its credits and its statements. */
import { Elysia, t } from 'elysia'
import { parsePosition } from '../../../../events/event.ts'
import { readCreditScale } from '../../../ledger/read/read-tariffs.ts'
import type { CreditScale } from '../../../lib/credit-scale.ts'
import { accountIdOf } from '../../../lib/ids.ts'
import { invalidRequest } from '../../../problems/refusal.ts'
import { readBalance } from '../../../reports/account/balance.ts'
import { BadPeriod } from '../../../reports/statement/parse-period.ts'
import { readStatement, TooManyLines } from '../../../reports/statement/read-statement.ts'
import { statementCsv } from '../../../reports/statement/statement-csv.ts'
import { statementPage } from '../../../reports/statement/statement-page.ts'
import type { Statement } from '../../../reports/statement/statement-shape.ts'
import { ownerOf } from '../../auth/auth.ts'
import { orNotFound, RequestRefused, unwrap } from '../../errors/request-refused.ts'
import { changeProblems, oneProblems } from '../../openapi/problem-schema.ts'
import { Account, BalanceSchema } from '../../schemas/account-schema.ts'
import { budgets } from '../../schemas/budget-schema.ts'
import { closed, id, mode, month, position, time } from '../../schemas/fields.ts'
import { StatementSchema } from '../../schemas/statement-schema.ts'
import { ownerActor, type RouteDeps } from '../route-deps.ts'

const tags = ['Account']
/** Of the charges of a statement: they are computed, checked and sent at once. */
const maxLines = 10_000
/** What `orNotFound` says that there is not. */
export const noAccount = 'account yet: your first key opens it'

/** One chain, however long: Elysia infers the types of clients from it. */
export function accountRoutes({ management, sql, reports, signIn }: RouteDeps) {
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
        detail: {
          operationId: 'getAccount',
          summary: 'Your account: plan and limits',
          description:
            'The account of whoever signs in: its plan, the one that follows, and its limits.',
          tags,
        },
      },
    )
    .patch(
      '/account',
      async ({ body, principal }) => {
        const accountId = accountIdOf(ownerOf(principal))
        const changed = await management.changeAccount(accountId, body, ownerActor(principal))
        return { account: unwrap(changed) }
      },
      {
        signedIn: 'owner',
        body: closed({ budgets }),
        response: { 200: t.Object({ account: Account }), ...changeProblems },
        detail: {
          operationId: 'updateOwnAccount',
          summary: 'Change the budgets of your account',
          description:
            'What the keys of the account, or of a group, may use together in each day, week or month of a calendar. Operators can change budgets, too.',
          tags,
        },
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
        detail: {
          operationId: 'getBalance',
          summary: 'Your credits, lot by lot',
          description:
            'What the account can spend now, what is held, and each lot of credits with its own times.',
          tags,
        },
      },
    )
    .get(
      '/account/statements/:month',
      async ({ params, principal, query: { keyId, lines, mode, tz, asOf, format } }) => {
        const request = {
          accountId: accountIdOf(ownerOf(principal)),
          month: params.month,
          ...(keyId !== undefined && { keyId }),
          ...(lines !== undefined && { lines, maxLines }),
          ...(mode !== undefined && { mode }),
          ...(tz !== undefined && { timeZone: tz }),
          ...(asOf !== undefined && { asOf: parsePosition(asOf) ?? new Date(asOf) }),
        }
        const found = await reports
          .compute(principal, (sql) => readStatement(sql, request))
          .catch(refuseBadRequest)
        const statement = orNotFound(found, keyId === undefined ? noAccount : 'key')
        const scale = format === 'html' ? await readCreditScale(sql) : undefined
        return inFormat(format, statement, scale)
      },
      {
        signedIn: 'owner',
        params: t.Object({ month }),
        query: t.Object({
          mode: t.Optional(mode),
          keyId: t.Optional(id),
          lines: t.Optional(
            t.Boolean({
              description: `With every charge, one by one; at most ${maxLines}. \`GET /v1/charges\` lists any number, page by page.`,
            }),
          ),
          tz: t.Optional(
            t.String({
              maxLength: 64,
              title: 'a time zone such as Europe/Berlin',
              description: 'The time zone of days and months; UTC without it.',
            }),
          ),
          asOf: t.Optional(
            t.Union([position, time], {
              description: 'The statement as of that position, or of that time.',
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
        detail: {
          operationId: 'getStatement',
          summary: "A month's statement, computed from the log",
          description:
            'What was charged and refunded in a month, in the time zone that is asked for; every figure names the positions of the ledger that it is the sum of.',
          tags,
        },
      },
    )
}

/** Elysia sends a Response as it is; the declared type is that of the JSON. */
function inFormat(
  format: 'json' | 'csv' | 'html' | undefined,
  statement: Statement,
  scale: CreditScale | undefined,
) {
  const json = { statement }
  if (format === 'csv') return csvResponse(statement) as unknown as typeof json
  return format === 'html' ? (pageResponse(statement, scale) as unknown as typeof json) : json
}

function csvResponse(statement: Statement): Response {
  const name = `statement-${statement.keyId ?? statement.accountId}-${statement.month}.csv`
  return new Response(statementCsv(statement), {
    headers: {
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': `attachment; filename="${name}"`,
      'x-content-type-options': 'nosniff',
    },
  })
}

/** Nothing on the page may run or be fetched, whatever texts the statement has. */
function pageResponse(statement: Statement, scale: CreditScale | undefined): Response {
  return new Response(statementPage(statement, scale), {
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
    },
  })
}

function refuseBadRequest(error: unknown): never {
  if (error instanceof TooManyLines) {
    const detail = `${error.message}; GET /v1/charges lists them page by page`
    throw new RequestRefused(invalidRequest([{ pointer: 'query/lines', detail }]))
  }
  if (!(error instanceof BadPeriod)) throw error
  const pointer = `${error.field === '/month' ? 'path' : 'query'}${error.field}`
  throw new RequestRefused(invalidRequest([{ pointer, detail: error.message }]))
}
