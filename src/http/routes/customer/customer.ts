/** What a customer's program can ask with its API key, unpriced: its key, the prices, a charge. */
import { Elysia, t } from 'elysia'
import type { AuthorizedKey } from '../../../gate/authorize/authorize.ts'
import type { Gate } from '../../../gate/gate.ts'
import { limitsOfKey } from '../../../gate/rate-limit/limits-of-key.ts'
import { rateHeaders } from '../../../gate/rate-limit/rate-limit-headers.ts'
import type { RateLimiter } from '../../../gate/rate-limit/rate-limiter.ts'
import { LedgerUnavailable } from '../../../ledger/append/call-commands.ts'
import type { PublishedTariff } from '../../../ledger/read/read-for-calls.ts'
import { newRequestId } from '../../../lib/ids.ts'
import { problem, problemOf } from '../../../problems/problem-document.ts'
import type { Balance } from '../../../reports/account/balance.ts'
import type { Charge } from '../../../reports/charge/charge-lookup.ts'
import { Problem } from '../../openapi/problem-schema.ts'
import { id } from '../../schemas/fields.ts'
import {
  ChargeResponse,
  KeyResponse,
  PricesResponse,
  RefundedResponse,
  RevokedResponse,
} from './customer-schemas.ts'

export interface CustomerDeps {
  readonly gate: Gate
  readonly rateLimiter: RateLimiter
  readonly balance: (accountId: string, mode: 'live' | 'test') => Promise<Balance | undefined>
  readonly charge: (requestId: string, accountId: string) => Promise<Charge | undefined>
  /** Gives a charge back whose answer may not have arrived; the same again answers the same. */
  readonly refund: (requestId: string, keyId: string) => Promise<object>
  /** Tariffs in force and announced, the one in force first. */
  readonly tariffs: () => Promise<readonly PublishedTariff[]>
  /** Revokes the key for good. */
  readonly revoke: (keyId: string) => Promise<unknown>
}

export function customerRoutes(deps: CustomerDeps) {
  const { gate, rateLimiter } = deps

  /** Runs `work` for the key that the request shows, or answers the refusal. */
  async function withKey(
    request: Request,
    work: (authorized: AuthorizedKey, requestId: string) => Promise<Response>,
  ): Promise<Response> {
    const requestId = newRequestId()
    try {
      const identity = await gate.identify(request)
      if (!identity.ok) return problemOf(identity.refusal, requestId)
      return await work(identity.authorized, requestId)
    } catch (error) {
      if (!(error instanceof LedgerUnavailable)) throw error
      const detail = 'The ledger cannot be reached just now.'
      return problem('ledger_unavailable', { requestId, detail }, { 'Retry-After': '5' })
    }
  }

  async function describeKey({ key, tariff }: AuthorizedKey, requestId: string): Promise<Response> {
    const plan = tariff.plans[key.plan]
    const balance = await deps.balance(key.accountId, key.mode)
    const window = plan && (await rateLimiter.peek(limitsOfKey(key, plan)))
    return Response.json(
      {
        keyId: key.keyId,
        accountId: key.accountId,
        display: key.display,
        mode: key.mode,
        plan: key.plan,
        permissions: key.endpoints ?? plan?.endpoints ?? [],
        expiresAt: key.expiresAt,
        monthlyCap: key.monthlyCap,
        credits: balance,
        window,
      },
      {
        headers: {
          'X-Request-Id': requestId,
          ...(window && rateHeaders(window, Date.now(), false)),
        },
      },
    )
  }

  const detail = (summary: string) => ({
    summary,
    tags: ['Your key'],
    security: [{ apiKey: [] }, { apiKeyBearer: [] }],
  })

  return new Elysia({ name: 'customer', normalize: false })
    .get('/v1/key', ({ request }) => withKey(request, describeKey), {
      response: { 200: KeyResponse },
      detail: detail('Plan, permissions, credits by lot and rate window of the key'),
    })
    .get(
      '/v1/prices',
      ({ request }) =>
        withKey(request, async (_, requestId) => {
          const [current, ...announced] = await deps.tariffs()
          const headers = { 'X-Request-Id': requestId }
          return Response.json({ current, announced }, { headers })
        }),
      {
        response: { 200: PricesResponse },
        detail: detail('Prices and plans in force, and those announced'),
      },
    )
    .get(
      '/v1/charges/:requestId',
      ({ request, params }) =>
        withKey(request, async ({ key }, requestId) => {
          const charge = await deps.charge(params.requestId, key.accountId)
          if (charge) return Response.json(charge, { headers: { 'X-Request-Id': requestId } })
          return problem('not_found', {
            requestId,
            detail: 'Your account has no call with this request id.',
          })
        }),
      {
        params: t.Object({ requestId: id }),
        response: { 200: ChargeResponse, 404: Problem },
        detail: detail('What a call cost, and where that stands in the ledger'),
      },
    )
    .post(
      '/v1/charges/:requestId/refund',
      ({ request, params }) =>
        withKey(request, async ({ key }, requestId) => {
          const { requestId: of } = params
          const charge = await deps.charge(of, key.accountId)
          const headers = { 'X-Request-Id': requestId }
          if (!charge) {
            const detail = 'Your account has no call with this request id.'
            return problem('not_found', { requestId, detail })
          }
          if (charge.delivery !== 'unknown') {
            const detail =
              'Only a charge whose delivery is unknown is given back here; ask the operator for any other.'
            return problem('conflict', { requestId, detail })
          }
          const refunded = await deps.refund(of, key.keyId)
          if (!('credits' in refunded)) {
            const detail = 'This charge was given back already.'
            return problem('conflict', { requestId, detail })
          }
          return Response.json({ requestId: of, ...refunded }, { headers })
        }),
      {
        parse: 'none',
        params: t.Object({ requestId: id }),
        response: { 200: RefundedResponse, 404: Problem, 409: Problem },
        detail: detail('Give back a charge whose answer may not have arrived'),
      },
    )
    .post(
      '/v1/key/revoke',
      ({ request }) =>
        withKey(request, async ({ key }, requestId) => {
          await deps.revoke(key.keyId)
          return Response.json(
            { message: 'The key is revoked and buys nothing more.', keyId: key.keyId },
            { headers: { 'X-Request-Id': requestId } },
          )
        }),
      {
        parse: 'none',
        response: { 200: RevokedResponse },
        detail: detail('Revoke this key, for good (it leaked, say)'),
      },
    )
}
