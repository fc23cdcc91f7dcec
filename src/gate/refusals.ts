/** Refusals that more than one step of the gate, or the proxy too, gives. */
import { maxAmount } from '../../events/bounds.ts'
import { type CreditScale, creditsText } from '../lib/credit-scale.ts'
import type { UnknownRate } from '../pricing/counting.ts'
import { sourceName } from '../pricing/request-source.ts'
import { invalidRequest, type Refusal } from '../problems/refusal.ts'

export const priceMissing: Refusal = {
  code: 'price_missing',
  detail: 'This endpoint has no price in the tariff in force: its operator has to publish one.',
  headers: { 'Retry-After': '60' },
}

export const tooManyInFlight: Refusal = {
  code: 'concurrency_exceeded',
  detail: 'The account has as many calls in flight as its plan allows.',
  headers: { 'Retry-After': '1' },
}

/** A key or tariff changed as often as it was read. */
export const changingTooFast: Refusal = {
  code: 'ledger_unavailable',
  detail: 'The key or the tariff is changing just now; try again.',
  headers: { 'Retry-After': '1' },
}

/** The ledger's clock and the gateway's idea of it differ by minutes, and did so again. */
export const clocksDisagree: Refusal = {
  code: 'ledger_unavailable',
  detail: 'The clocks of the ledger and of the gateway disagree; try again.',
  headers: { 'Retry-After': '1' },
}

/** Another gateway's call has this call's id. */
export const requestIsTaken: Refusal = {
  code: 'ledger_unavailable',
  detail: 'The call could not be named in the ledger; try again.',
  headers: { 'Retry-After': '1' },
}

export const outcomeUnknown: Refusal = {
  code: 'outcome_unknown',
  detail:
    'The first call with this Idempotency-Key was not charged, but the upstream may have done the work: ' +
    'it is not executed again. To run it anew, use a new Idempotency-Key.',
}

export function tooExpensive(scale: CreditScale | undefined): Refusal {
  const most = creditsText(maxAmount, scale)
  return {
    code: 'invalid_request',
    detail: `This call could cost more than ${most}, which is the most that one call can: ask for less.`,
  }
}

/** The route is sold by a value of the request, and not with the one that this request has. */
export function withoutRate({ by }: UnknownRate): Refusal {
  const pointer = by === 'method' ? '' : sourceName(by)
  return invalidRequest([{ pointer, detail: 'has no price here' }])
}
