/** What a customer's program can ask with its API key, free of charge: its key, the prices, a charge. */
import { Elysia, t } from 'elysia'
import { type LogPosition, parsePosition, printPosition } from '../../../../events/event.ts'
import type { OwnOperationId } from '../../../config/operation-ids.ts'
import type { AuthorizedKey } from '../../../gate/authorize/authorize.ts'
import type { Gate } from '../../../gate/gate.ts'
import { accountTokenLimits, limitsOfKey } from '../../../gate/rate-limit/limits-of-key.ts'
import { rateHeaders } from '../../../gate/rate-limit/rate-limit-headers.ts'
import type { RateLimiter } from '../../../gate/rate-limit/rate-limiter.ts'
import type { PublishedTariff } from '../../../ledger/read/read-tariffs.ts'
import { LedgerUnavailable } from '../../../ledger/unavailable.ts'
import { newRequestId } from '../../../lib/ids.ts'
import { type Refused, refused } from '../../../management/decision.ts'
import type { Refunded } from '../../../management/manage-credits.ts'
import { problem, problemOf } from '../../../problems/problem-document.ts'
import type { Balance } from '../../../reports/account/balance.ts'
import type { ChargePage } from '../../../reports/charge/charge-page.ts'
import type { Charge } from '../../../reports/charge/charge-shape.ts'
import { managementRefusal } from '../../errors/management-refusals.ts'
import { RequestRefused, unwrap } from '../../errors/request-refused.ts'
import { Problem } from '../../openapi/problem-schema.ts'
import { id, pageLimit, position, type Static } from '../../schemas/fields.ts'
import {
  ChargeResponse,
  ChargesResponse,
  KeyResponse,
  PricesResponse,
  RefundedResponse,
  RevokedResponse,
} from './customer-schemas.ts'
import { pricesFrom, type RouteAddress } from './prices.ts'

export interface CustomerDeps {
  readonly gate: Gate
  readonly rateLimiter: RateLimiter
  readonly balance: (keyHash: string) => Promise<Balance | undefined>
  readonly charges: (
    keyHash: string,
    page: { readonly before?: LogPosition; readonly limit: number },
  ) => Promise<ChargePage>
  readonly charge: (keyHash: string, requestId: string) => Promise<Charge | undefined>
  /** Whether customers refund by themselves what may not have arrived. */
  readonly refundsUnknown: boolean
  /** Refunds a charge whose response may not have arrived. The ledger refuses every other. */
  readonly refund: (own: AuthorizedKey, requestId: string) => Promise<Refunded | Refused>
  /** Where the routes are that the prices are of, by their ids. */
  readonly routes: Readonly<Record<string, RouteAddress>>
  /** Tariffs in force and announced, the one in force first. */
  readonly tariffs: () => Promise<readonly PublishedTariff[]>
  /** Revokes the key for good. */
  readonly revoke: (own: AuthorizedKey) => Promise<{ readonly keyId: string } | Refused>
}

/** A successful response. */
interface Reply {
  readonly json: object
  readonly headers?: Readonly<Record<string, string>> | undefined
}

const requestIdParams = t.Object({ requestId: id })
const ChargesQuery = t.Object({
  cursor: t.Optional(position),
  limit: pageLimit({ maximum: 100, default: 50 }),
})

export function customerRoutes(deps: CustomerDeps) {
  const withKey = keyGuard(deps.gate)

  return new Elysia({ name: 'customer', normalize: false })
    .get('/v1/key', ({ request }) => withKey(request, (authorized) => readKey(deps, authorized)), {
      response: { 200: KeyResponse },
      detail: describe(
        'getCurrentKey',
        'Plan, permissions, credits by lot and rate limit of the key',
        'What the API key of this request may do, what its account has left, and how its rate limit stands. Asking is free and takes no permit.',
      ),
    })
    .get('/v1/prices', ({ request }) => withKey(request, () => readPrices(deps)), {
      response: { 200: PricesResponse },
      detail: describe(
        'listPrices',
        'Prices and plans in force, and those announced',
        'The tariff in force, and every tariff that is announced, with the time from which it holds and where the routes are that it prices.',
      ),
    })
    .get(
      '/v1/charges',
      ({ request, query }) =>
        withKey(request, async (own) => ({ json: await listCharges(deps, query, own) })),
      {
        query: ChargesQuery,
        response: { 200: ChargesResponse },
        detail: describe(
          'listCharges',
          'What the calls of your account cost, the newest first',
          'The charged calls of the account, of all its keys. `nextCursor` is the `cursor` of the next page; a page can have fewer charges than `limit`, although more follow.',
        ),
      },
    )
    .get(
      '/v1/charges/:requestId',
      ({ request, params: { requestId } }) =>
        withKey(request, async (own) => ({ json: await readCharge(deps, requestId, own) })),
      {
        params: requestIdParams,
        response: { 200: ChargeResponse, 404: Problem },
        detail: describe(
          'getCharge',
          'What a call cost, and where that is in the ledger',
          'One call of the account by its request id, which its response had as `X-Request-Id`: what was held, charged and refunded, and at which positions of the ledger.',
        ),
      },
    )
    .post(
      '/v1/charges/:requestId/refund',
      ({ request, params: { requestId } }) =>
        withKey(request, (own) => refundCharge(deps, requestId, own)),
      {
        parse: 'none',
        params: requestIdParams,
        response: { 200: RefundedResponse, 403: Problem, 404: Problem, 409: Problem },
        detail: describe(
          'refundUndelivered',
          'Refund a charge whose response may not have arrived',
          'Gives back what a call cost whose `delivery` is `unknown`. Where only operators refund, it is refused with `refund_by_operator`.',
        ),
      },
    )
    .post('/v1/key/revoke', ({ request }) => withKey(request, (own) => revokeKey(deps, own)), {
      parse: 'none',
      response: { 200: RevokedResponse },
      detail: describe(
        'revokeCurrentKey',
        'Revoke this key, for good (it leaked, say)',
        'Revokes the API key of this request. It buys nothing from then on, on any gateway.',
      ),
    })
}

function describe(operationId: OwnOperationId, summary: string, description: string) {
  const security = [{ apiKey: [] }, { apiKeyBearer: [] }]
  return { operationId, summary, description, tags: ['Your key'], security }
}

/** Runs `work` for the key of the request, and makes the response of its reply or of the refusal. */
function keyGuard(gate: Gate) {
  return async (
    request: Request,
    work: (authorized: AuthorizedKey) => Promise<Reply>,
  ): Promise<Response> => {
    const requestId = newRequestId()
    try {
      const identity = await gate.identify(request)
      if (!identity.ok) return problemOf(identity.refusal, requestId)
      const { json, headers } = await work(identity.authorized)
      return Response.json(json, { headers: { 'X-Request-Id': requestId, ...headers } })
    } catch (error) {
      if (error instanceof RequestRefused) return problemOf(error.refusal, requestId)
      if (!(error instanceof LedgerUnavailable)) throw error
      const detail = 'The ledger cannot be reached just now.'
      return problem('ledger_unavailable', { requestId, detail }, { 'Retry-After': '5' })
    }
  }
}

async function readKey(
  { balance, rateLimiter }: CustomerDeps,
  { keyHash, key, tariff }: AuthorizedKey,
): Promise<Reply> {
  const plan = tariff.plans[key.plan]
  const credits = await balance(keyHash)
  const rateLimit = plan && (await rateLimiter.peek(limitsOfKey(key, plan)))
  const ofTokens = plan ? accountTokenLimits(key, plan) : []
  const tokenLimit = ofTokens.length > 0 ? await rateLimiter.tokens.peek(ofTokens) : undefined
  return {
    json: {
      keyId: key.keyId,
      accountId: key.accountId,
      display: key.display,
      mode: key.mode,
      plan: key.plan,
      permissions: key.endpoints ?? plan?.endpoints ?? [],
      expiresAt: key.expiresAt,
      monthlyCap: key.monthlyCap,
      credits,
      rateLimit,
      tokenLimit,
    },
    headers:
      rateLimit &&
      rateHeaders({ ...rateLimit, ...(tokenLimit && { tokens: tokenLimit }) }, Date.now(), false),
  }
}

async function readPrices({ tariffs, routes }: CustomerDeps): Promise<Reply> {
  return { json: pricesFrom(await tariffs(), routes) }
}

async function listCharges(
  { charges }: CustomerDeps,
  { cursor, limit = 50 }: Static<typeof ChargesQuery>,
  { keyHash }: AuthorizedKey,
) {
  const before = cursor === undefined ? undefined : parsePosition(cursor)
  const page = await charges(keyHash, { ...(before && { before }), limit })
  return { charges: page.charges, nextCursor: page.next ? printPosition(page.next) : null }
}

/** @throws RequestRefused when the account has no such call */
async function readCharge(
  { charge }: CustomerDeps,
  requestId: string,
  { keyHash }: AuthorizedKey,
): Promise<Charge> {
  const found = await charge(keyHash, requestId)
  if (found) return found
  throw new RequestRefused({
    code: 'not_found',
    detail: 'Your account has no call with this request id.',
  })
}

/** @throws RequestRefused unless the delivery of this account's call is unknown, and its customer may refund it */
async function refundCharge(
  deps: CustomerDeps,
  requestId: string,
  own: AuthorizedKey,
): Promise<Reply> {
  const { delivery } = await readCharge(deps, requestId, own)
  if (!deps.refundsUnknown) throw notRefunded(requestId, delivery)
  // Whatever was just read, the ledger decides.
  return { json: { requestId, ...unwrap(await deps.refund(own, requestId)) } }
}

/** The refusal where customers refund nothing by themselves. */
function notRefunded(requestId: string, delivery: Charge['delivery']): RequestRefused {
  if (delivery !== 'unknown') {
    const reason = delivery === 'pending' ? 'delivery_pending' : 'delivery_not_unknown'
    return new RequestRefused(managementRefusal(refused(reason)))
  }
  return new RequestRefused({
    code: 'refund_by_operator',
    detail: `The response of this call may not have arrived. Ask the operator of this service for the refund, and name this request id: ${requestId}.`,
  })
}

async function revokeKey({ revoke }: CustomerDeps, own: AuthorizedKey): Promise<Reply> {
  const { keyId } = unwrap(await revoke(own))
  return { json: { message: 'The key is revoked and buys nothing more.', keyId } }
}
