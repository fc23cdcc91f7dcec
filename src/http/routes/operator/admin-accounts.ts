/** The operators' routes about accounts and their credits. */
import { Elysia, t } from 'elysia'
import type { Adjusted, Granted, Refunded } from '../../../management/manage-credits.ts'
import { type ListedAccount, readAccountPage } from '../../../reports/account/account-page.ts'
import { readBalance } from '../../../reports/account/balance.ts'
import { type CallReceipt, readCallReceipt } from '../../../reports/charge/call-receipt.ts'
import { orBadCursor, orNotFound, requireValid, unwrap } from '../../errors/request-refused.ts'
import {
  changeProblems,
  commonProblems,
  oneProblems,
  Problem,
} from '../../openapi/problem-schema.ts'
import { Account, BalanceSchema } from '../../schemas/account-schema.ts'
import { budgets } from '../../schemas/budget-schema.ts'
import {
  closed,
  credits,
  cursor,
  externalId,
  idempotencyHeader,
  idParams,
  integer,
  iso,
  maxInFlight,
  minorUnits,
  mode,
  nextCursor,
  nullable,
  pageLimit,
  profile,
  rateLimit,
  reason,
  requiredExternalId,
  type Static,
  sum,
  time,
  typedSchema,
} from '../../schemas/fields.ts'
import { changeHeaders, versionIn } from '../once.ts'
import { operatorActor, type RouteDeps } from '../route-deps.ts'
import { requireFreezing, requireSmallGrant, requireSmallRefund } from './support.ts'

const accountState = t.Union([t.Literal('open'), t.Literal('frozen'), t.Literal('erased')], {
  title: 'open, frozen or erased',
})

const AccountPatch = closed({
  plan: t.Optional(t.String({ minLength: 1, maxLength: 63 })),
  limits: t.Optional(
    closed({
      rateLimit: t.Optional(nullable(rateLimit)),
      maxInFlight: t.Optional(nullable(maxInFlight)),
    }),
  ),
  budgets: t.Optional(budgets),
  profile: t.Optional(profile),
  frozen: t.Optional(t.Boolean({ description: 'While it is, none of its keys can buy.' })),
  reason,
})

const NewGrant = closed({
  credits,
  kind: t.Union([t.Literal('paid'), t.Literal('promotional')], { title: 'paid or promotional' }),
  mode: t.Optional(mode),
  startsAt: t.Optional(time),
  expiresAt: t.Optional(nullable(time)),
  externalId,
  paid: t.Optional(
    closed({
      minorUnits,
      currency: t.String({ pattern: '^[A-Z]{3}$', title: 'a currency code such as EUR' }),
    }),
  ),
  reason,
})

const NewPack = closed({
  pack: t.String({ minLength: 1, maxLength: 63, description: 'A pack of the tariff in force.' }),
  mode: t.Optional(mode),
  externalId: requiredExternalId,
  reason,
})

const NewAdjustment = closed({ credits, mode: t.Optional(mode), externalId, reason })
const NewRefund = t.Optional(closed({ credits: t.Optional(credits), externalId, reason }))

const GrantResponse = t.Object({
  grant: typedSchema<Granted>(
    t.Object({
      position: t.Nullable(t.String({ description: 'Names the lot.' })),
      credits: integer(),
    }),
  ),
})
const AdjustmentResponse = t.Object({
  adjustment: typedSchema<Adjusted>(
    t.Object({
      positions: t.Array(t.String()),
      taken: integer(),
      debt: integer({
        description:
          'What could not be taken; the next credits that are granted or become free repay it.',
      }),
    }),
  ),
})
const RefundResponse = t.Object({
  refund: typedSchema<Refunded>(t.Object({ position: t.String(), credits: integer() })),
})
const ListQuery = t.Object({
  cursor: t.Optional(cursor),
  limit: pageLimit({ maximum: 200, default: 50 }),
  plan: t.Optional(t.String({ pattern: '^[^\\x00]{1,63}$', title: 'a plan' })),
  state: t.Optional(accountState),
  search: t.Optional(
    t.String({
      pattern: '^[^\\x00]{1,255}$',
      title: 'a text of 1 to 255 characters',
      description:
        'A part of the name, the contact or the owner’s id, or the id of the account or of one of its keys.',
    }),
  ),
  owes: t.Optional(t.Boolean({ description: 'true: accounts that owe credits.' })),
})
const AccountList = t.Object({
  accounts: t.Array(
    typedSchema<ListedAccount>(
      t.Object({
        accountId: t.String(),
        owner: t.Object({ kind: t.String(), id: t.String() }),
        name: t.Nullable(t.String({ description: 'As the account is described.' })),
        plan: t.String(),
        state: accountState,
        keys: integer({ description: 'Those that are not revoked.' }),
        creditsUsed: sum('Charged this UTC month in live mode, less refunds.'),
        openedAt: t.String(),
      }),
    ),
  ),
  total: integer({ description: 'On all pages.' }),
  nextCursor,
})
const AccountResponse = t.Object({ account: Account })

const tags = ['Operators: accounts']

/** One chain, however long: Elysia infers the types of clients from it. */
export function adminAccountsRoutes({ management, sql, signIn, support }: RouteDeps) {
  return new Elysia({ name: 'admin-accounts', normalize: false })
    .use(signIn)
    .get(
      '/admin/accounts',
      async ({ query: { cursor, limit = 50, ...filter } }) => {
        const found = await readAccountPage(sql, filter, { after: cursor, limit })
        const { accounts, total, next } = orBadCursor(found)
        return { accounts, total, nextCursor: next }
      },
      {
        signedIn: 'operator',
        query: ListQuery,
        response: { 200: AccountList, ...commonProblems },
        detail: {
          operationId: 'listAccounts',
          summary: "Everyone's accounts, the newest first",
          description:
            'Accounts by name, owner, plan, state and debt, with what each used this month in live mode. `nextCursor` is the `cursor` of the next page.',
          tags,
        },
      },
    )
    .get(
      '/admin/accounts/:id',
      async ({ params, query: { mode = 'live' } }) => ({
        account: orNotFound(await management.readAccount(params.id), 'account'),
        balance: orNotFound(await readBalance(sql, params.id, mode), 'account'),
      }),
      {
        signedIn: 'operator',
        params: idParams,
        query: t.Object({ mode: t.Optional(mode) }),
        response: { 200: t.Object({ account: Account, balance: BalanceSchema }), ...oneProblems },
        detail: {
          operationId: 'getAnyAccount',
          summary: 'An account: plan, limits and credits',
          description: "Anybody's account, with its credits of one mode.",
          tags,
        },
      },
    )
    .patch(
      '/admin/accounts/:id',
      async ({ body, headers, params, principal, request }) => {
        const { reason, limits, ...change } = body
        requireFreezing(principal, { ...change, ...limits })
        const actor = operatorActor(principal, reason, { request, headers, body })
        const wanted = { ...change, ...limits, ...versionIn(headers) }
        const changed = await management.changeAccount(params.id, wanted, actor)
        return { account: unwrap(changed) }
      },
      {
        signedIn: 'support',
        params: idParams,
        headers: changeHeaders,
        body: AccountPatch,
        response: { 200: AccountResponse, ...changeProblems, 412: Problem },
        detail: {
          operationId: 'updateAccount',
          summary: 'Change plan, limits and budgets, say who the owner is, freeze and unfreeze',
          description:
            'Changes the fields that the body names, where `If-Match` is there only if the account’s `version` is still that one. A plan with more counts at once, one with less from the next month on; a frozen account buys nothing. Support may freeze, and nothing else.',
          tags,
        },
      },
    )
    .post(
      '/admin/accounts/:id/grants',
      async ({ body, headers, params, principal, status }) => {
        requireValid(contradictions(body))
        requireSmallGrant(principal, body, support)
        const { reason, mode = 'live', startsAt, expiresAt, ...grant } = named(body, headers)
        const wanted = {
          ...grant,
          mode,
          ...(startsAt !== undefined && { startsAt: iso(startsAt) }),
          ...(expiresAt != null && { expiresAt: iso(expiresAt) }),
        }
        const actor = operatorActor(principal, reason)
        return status(201, { grant: unwrap(await management.grant(params.id, wanted, actor)) })
      },
      {
        signedIn: 'support',
        params: idParams,
        headers: idempotencyHeader,
        body: NewGrant,
        response: { 201: GrantResponse, ...changeProblems },
        detail: {
          operationId: 'grantCredits',
          summary: 'Grant credits, as a lot of their own',
          description:
            'Adds credits that were paid for or given. The same `externalId` with the same body again grants nothing more and gets the same response. Support grants promotional credits, up to a bound.',
          tags,
        },
      },
    )
    .post(
      '/admin/accounts/:id/packs',
      async ({ body: { reason, mode = 'live', ...wanted }, params, principal, status }) => {
        const actor = operatorActor(principal, reason)
        const granted = await management.grantPack(params.id, { ...wanted, mode }, actor)
        return status(201, { grant: unwrap(granted) })
      },
      {
        signedIn: 'admin',
        params: idParams,
        body: NewPack,
        response: { 201: GrantResponse, ...changeProblems },
        detail: {
          operationId: 'grantPack',
          summary: 'Grant a pack that was bought',
          description:
            'Adds the credits of a pack, which say that they were paid and expire, as the tariff in force has it. The same `externalId` with the same body again grants nothing more and gets the same response.',
          tags,
        },
      },
    )
    .post(
      '/admin/accounts/:id/adjustments',
      async ({ body, headers, params, principal, status }) => {
        const { reason, mode = 'live', ...wanted } = named(body, headers)
        const actor = operatorActor(principal, reason)
        const adjusted = await management.adjust(params.id, { ...wanted, mode }, actor)
        return status(201, { adjustment: unwrap(adjusted) })
      },
      {
        signedIn: 'admin',
        params: idParams,
        headers: idempotencyHeader,
        body: NewAdjustment,
        response: { 201: AdjustmentResponse, ...changeProblems },
        detail: {
          operationId: 'adjustCredits',
          summary: 'Take credits away',
          description:
            'Takes credits back, the last to be drawn first. What cannot be taken is a debt, which later credits repay.',
          tags,
        },
      },
    )
    .post(
      '/admin/charges/:id/refund',
      async ({ body, headers, params, principal, status }) => {
        const { reason, ...wanted } = named(body ?? {}, headers)
        const charged = async () => creditsOf(await readCallReceipt(sql, params.id))
        await requireSmallRefund(principal, wanted.credits, charged, support)
        const actor = operatorActor(principal, reason)
        return status(201, { refund: unwrap(await management.refund(params.id, wanted, actor)) })
      },
      {
        signedIn: 'support',
        params: idParams,
        headers: idempotencyHeader,
        body: NewRefund,
        response: { 201: RefundResponse, ...changeProblems },
        detail: {
          operationId: 'refundCharge',
          summary: 'Refund a charge, wholly or in part (id: its request id)',
          description:
            'With the externalId `undelivered:` and the id, only a charge is refunded whose response is known to be lost, and a retry under its Idempotency-Key gets no response. Support refunds up to a bound.',
          tags,
        },
      },
    )
}

function creditsOf(receipt: CallReceipt | undefined): number | undefined {
  return receipt?.status === 'settled' ? receipt.credits : undefined
}

/** The name under which a movement of credits is made once: that of the body, or else the header's. */
function named<Body extends { externalId?: string }>(
  body: Body,
  { 'idempotency-key': key }: Static<typeof idempotencyHeader>,
): Body {
  return body.externalId === undefined && key !== undefined ? { ...body, externalId: key } : body
}

function contradictions({ kind, paid }: Static<typeof NewGrant>) {
  if (kind === 'paid' || paid === undefined) return []
  return [{ pointer: '/paid', detail: 'promotional credits are not paid' }]
}
