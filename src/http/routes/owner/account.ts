/** The routes of an owner's account: its plan and limits, its credits and its statements. */
import { Elysia, t } from 'elysia'
import { accountIdOf } from '../../../lib/ids.ts'
import { readBalance } from '../../../reports/account/balance.ts'
import { ownerOf } from '../../auth/auth.ts'
import { orNotFound, unwrap } from '../../errors/request-refused.ts'
import { changeProblems, oneProblems, Problem } from '../../openapi/problem-schema.ts'
import { Account, BalanceSchema } from '../../schemas/account-schema.ts'
import { budgets } from '../../schemas/budget-schema.ts'
import { closed, mode, month, profile } from '../../schemas/fields.ts'
import { StatementSchema } from '../../schemas/statement-schema.ts'
import { changeHeaders, versionIn } from '../once.ts'
import { type OwnersRouteDeps, ownerActor } from '../route-deps.ts'
import { statementQuery, statementReader } from '../statement.ts'

const tags = ['Account']
/** What `orNotFound` says that there is not. */
export const noAccount = 'account yet: your first key opens it'

/** One chain, however long: Elysia infers the types of clients from it. */
export function accountRoutes({ management, sql, reports, seller, signIn }: OwnersRouteDeps) {
  const readForm = statementReader({ sql, reports, management, seller, noAccount })
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
      async ({ body, headers, principal, request }) => {
        const accountId = accountIdOf(ownerOf(principal))
        const actor = ownerActor(principal, { request, headers, body })
        const change = { ...body, ...versionIn(headers) }
        const changed = await management.changeAccount(accountId, change, actor)
        return { account: unwrap(changed) }
      },
      {
        signedIn: 'owner',
        headers: changeHeaders,
        body: closed({ budgets: t.Optional(budgets), profile: t.Optional(profile) }),
        response: { 200: t.Object({ account: Account }), ...changeProblems, 412: Problem },
        detail: {
          operationId: 'updateOwnAccount',
          summary: 'Change the budgets of your account, and say who you are',
          description:
            'Who you are stands on statements: name, contact, billing address and tax id; what is not sent stays. Budgets are what the keys of the account, or of a group, may use together in each day, week or month of a calendar. Operators can change budgets, too.',
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
      ({ params, principal, query }) =>
        readForm(
          { accountId: accountIdOf(ownerOf(principal)), month: params.month },
          query,
          principal,
        ),
      {
        signedIn: 'owner',
        params: t.Object({ month }),
        query: statementQuery,
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
