/** A whole response: metered, charged, and then delivered with the charge in its head. */
import { countedOf } from '../../../events/counted.ts'
import {
  ChargeRejected,
  LeaseChargeRejected,
  type Usage,
} from '../../gate/reservation/reservation.ts'
import type { AppendResult, ReleaseReason } from '../../ledger/append/call-commands.ts'
import { LedgerUnavailable } from '../../ledger/unavailable.ts'
import { isChargeableByJson } from '../../pricing/charge-condition.ts'
import { withTokens } from '../../pricing/counting.ts'
import { meteredComponent } from '../../pricing/price-rule.ts'
import { statedUsage } from '../../pricing/stated-usage.ts'
import { tokensIn } from '../../pricing/tokens-of-call.ts'
import { responseTokens } from '../metering/response-tokens.ts'
import { responseOwner } from './deliver-stored-response.ts'
import {
  chargeCall,
  convertToDedicatedHold,
  failForUpstream,
  headersOf,
  isPricedByBody,
  isPricedByResponse,
  type PricedCall,
  rejectAfterUpstream,
  upstreamHeadersOf,
  usedBy,
} from './priced-call.ts'
import {
  type CallResponse,
  chargeUnknown,
  creditHeaders,
  holdExpired,
  refuse,
  setAll,
  wholeResponse,
} from './responses.ts'

export async function deliverBuffered(
  priced: PricedCall,
  response: Response,
  bytes: Uint8Array,
): Promise<CallResponse> {
  let json: unknown
  // What has no body says nothing of its price, and meets no condition on its JSON.
  const isEmpty = bytes.length === 0 && !isPricedByBody(priced)
  if (isPricedByResponse(priced) && !isEmpty) {
    try {
      json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    } catch {
      return failForUpstream(priced, 'upstream_failed', response.status)
    }
  }
  if (!isChargeableByJson(priced.call.route.chargeWhen, json)) {
    return deliverUncharged(priced, response, bytes, 'not_successful')
  }
  if (priced.deps.isCutOff()) return deliverUncharged(priced, response, bytes, 'gateway_stopped')
  const tokens = tokensOf(priced, json)
  if (tokens === 0 && priced.call.route.provider) {
    return deliverUncharged(priced, response, bytes, 'not_successful')
  }
  // Whatever can fail has to fail before the charge is written.
  const usage = await usageOf(priced, response, json, tokens)
  const headers = headersOf(priced, response)
  let charged: AppendResult
  try {
    await storeForRetries(priced, response, bytes, usage)
    charged = await chargeCall(priced, usage)
  } catch (error) {
    return deliverNotCharged(priced, response, bytes, error)
  }
  setAll(
    headers,
    creditHeaders(charged.credits ?? usage.credits, priced.reservation.terms.result, charged),
  )
  return {
    ...wholeResponse(priced.call, response, bytes, headers),
    charged: { charge: charged, otherwise: () => chargeUnknown(priced.call, priced.rateLimit) },
  }
}

/** A response that is the client's to read and not to be paid. */
export async function deliverUncharged(
  priced: PricedCall,
  response: Response,
  bytes: Uint8Array,
  reason: ReleaseReason,
): Promise<CallResponse> {
  const { reservation } = priced
  const ended = await reservation.void(reason, response.status)
  const headers = headersOf(priced, response)
  setAll(headers, creditHeaders(0, reservation.terms.result, ended))
  return wholeResponse(priced.call, response, bytes, headers)
}

/** The response was not charged, for this error: it is delivered if a dedicated hold sells it after all, else withheld. */
async function deliverNotCharged(
  priced: PricedCall,
  response: Response,
  bytes: Uint8Array,
  error: unknown,
): Promise<CallResponse> {
  const { call, rateLimit, reservation, deps } = priced
  if (error instanceof LeaseChargeRejected) {
    const notHeld = await convertToDedicatedHold(priced)
    if (notHeld) return rejectAfterUpstream(priced, notHeld)
    // Under another price the response can cost something else. This happens once at most: a dedicated hold throws no
    // LeaseChargeRejected.
    return deliverBuffered(priced, response, bytes)
  }
  const name = `${call.route.id} ${call.requestId}`
  if (error instanceof ChargeRejected && error.verdict === 'hold_not_open') {
    deps.log(`${name}: its hold expired before it was settled`)
    const headers = creditHeaders(0, reservation.terms.result, undefined)
    return refuse(call, holdExpired, rateLimit, headers)
  }
  if (!(error instanceof LedgerUnavailable)) throw error
  deps.log(`${name}: the charge may not be written`, error)
  // If it is not, this frees the hold; if it is, this changes nothing.
  void reservation.void('settlement_failed', response.status)
  return chargeUnknown(call, rateLimit)
}

/** The tokens that the call is known to have used; undefined where they are not known, or not what is sold. */
function tokensOf({ call, body, reservation }: PricedCall, json: unknown): number | undefined {
  const metered = meteredComponent(reservation.terms.price)
  if (metered?.per !== 'token') return undefined
  return responseTokens(metered, body.content, json, call.route.provider)
}

/** What is charged for a whole 2xx response; `json` is its body, where the price depends on that. */
async function usageOf(
  priced: PricedCall,
  response: Response,
  json: unknown,
  tokens: number | undefined,
): Promise<Usage> {
  const { reservation } = priced
  const used = usedBy(priced, response, json)
  const { status } = response
  const { price } = reservation.terms
  if (tokens === undefined) {
    priced.call.tokens?.settle(tokensIn(price, used))
    return { ...reservation.cappedCharge(used), status }
  }
  const component = meteredComponent(price)
  const kinds = component?.per === 'token' ? statedUsage(component.settle, json)?.kinds : undefined
  const metered = withTokens(price, used, tokens, kinds)
  priced.call.tokens?.settle(tokensIn(price, metered))
  await reservation.ensure(metered, 0)
  return { ...reservation.cappedCharge(metered), status }
}

/**
 * Stores a response for the retries of a call with an Idempotency-Key, before it is charged: else the call could be
 * charged and no retry ever get its response. Responses larger than those that are buffered are not stored.
 */
async function storeForRetries(
  priced: PricedCall,
  response: Response,
  body: Uint8Array,
  usage: Usage,
): Promise<void> {
  const { call, reservation, deps } = priced
  const { key, claim } = reservation.terms
  if (!claim || body.length > deps.maxBufferedBytes) return
  await deps.storedResponses.store(
    responseOwner(key, claim.key),
    { requestId: call.requestId, ...countedOf(usage) },
    { status: response.status, headers: [...upstreamHeadersOf(priced, response)], body },
  )
}
