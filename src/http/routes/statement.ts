/** A month's statement in the form that is asked for, as the routes of owners and operators give it. */
import { type Static, t } from 'elysia'
import { parsePosition } from '../../../events/event.ts'
import type { Seller } from '../../config/file/seller.ts'
import type { Sql } from '../../ledger/connect.ts'
import { readCreditScale } from '../../ledger/read/read-tariffs.ts'
import type { CreditScale } from '../../lib/credit-scale.ts'
import type { AccountView } from '../../management/account-view.ts'
import { invalidRequest } from '../../problems/refusal.ts'
import { BadPeriod } from '../../reports/statement/parse-period.ts'
import { partiesOf } from '../../reports/statement/parties.ts'
import { readStatement, TooManyLines } from '../../reports/statement/read-statement.ts'
import { statementCsv } from '../../reports/statement/statement-csv.ts'
import { statementPage } from '../../reports/statement/statement-page.ts'
import type { Parties, Statement } from '../../reports/statement/statement-shape.ts'
import type { Principal } from '../auth/auth.ts'
import { orNotFound, RequestRefused } from '../errors/request-refused.ts'
import type { ReportQueue } from '../report-queue.ts'
import { id, mode, position, time } from '../schemas/fields.ts'

/** Of the charges of a statement: they are computed, checked and sent at once. */
const maxLines = 10_000

export const statementQuery = t.Object({
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
})

interface StatementDeps {
  readonly sql: Sql
  readonly reports: ReportQueue
  readonly management: { readAccount(accountId: string): Promise<AccountView | undefined> }
  readonly seller: Seller | undefined
  /** What `orNotFound` says that there is not. */
  readonly noAccount: string
}

export function statementReader({ sql, reports, management, seller, noAccount }: StatementDeps) {
  return async (
    of: { readonly accountId: string; readonly month: string },
    { keyId, lines, mode, tz, asOf, format }: Static<typeof statementQuery>,
    principal: Principal,
  ) => {
    const request = {
      ...of,
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
    if (format === 'csv') return csvResponse(statement) as unknown as StatementJson
    const scale = format === 'html' ? await readCreditScale(sql) : undefined
    // Beside the report, whose role reads no names.
    const buyer = await management.readAccount(statement.accountId)
    const whole = { ...statement, ...partiesOf(seller, buyer?.profile) }
    if (format === 'html') return pageResponse(whole, scale, seller) as unknown as StatementJson
    return { statement: whole }
  }
}

/** Elysia sends a Response as it is; the declared type is that of the JSON. */
interface StatementJson {
  readonly statement: Statement & Parties
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
function pageResponse(
  statement: Statement & Parties,
  scale: CreditScale | undefined,
  seller: Seller | undefined,
): Response {
  return new Response(statementPage(statement, scale, seller), {
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
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
