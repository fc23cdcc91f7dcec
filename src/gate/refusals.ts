/** Refusals that more than one step of the gate, or the proxy too, gives. */
import { maxAmount } from '../../events/bounds.ts'
import type { Refusal } from '../problems/refusal.ts'

export const priceMissing: Refusal = {
  code: 'price_missing',
  detail: 'This endpoint has no price in the tariff in force: its operator has to publish one.',
  headers: { 'Retry-After': '60' },
}

/** A key or tariff changed as often as it was read. */
export const changingTooFast: Refusal = {
  code: 'ledger_unavailable',
  detail: 'The key or the tariff is changing just now; try again.',
  headers: { 'Retry-After': '1' },
}

export const outcomeUnknown: Refusal = {
  code: 'outcome_unknown',
  detail:
    'The first call with this Idempotency-Key was not charged, but the upstream may have done the work: ' +
    'it is not executed again. To run it anew, use a new Idempotency-Key.',
}

export const tooExpensive: Refusal = {
  code: 'invalid_request',
  detail: `This call could cost more than ${maxAmount.toLocaleString('en')} credits, which is the most that one call can: ask for less.`,
}
