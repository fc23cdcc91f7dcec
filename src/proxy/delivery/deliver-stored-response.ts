/**
 * A call whose Idempotency-Key belongs to a call that was executed: the stored response is delivered again. Usually that
 * call was charged, and this one costs nothing. When its gateway died between storing the response and charging it, this
 * call is charged instead, and so completes it. Nothing runs a second time.
 */
import { countedOf } from '../../../events/counted.ts'
import type { ObservedRateLimit } from '../../gate/rate-limit/rate-limiter.ts'
import { outcomeUnknown } from '../../gate/refusals.ts'
import type { Reservation } from '../../gate/reservation/reservation.ts'
import type { AppendResult } from '../../ledger/append/call-commands.ts'
import type {
  ClaimedCall,
  ResponseOwner,
  StoredResponse,
  StoredResponses,
} from '../../ledger/idempotency/stored-responses.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import { LedgerUnavailable } from '../../ledger/unavailable.ts'
import type { Refusal } from '../../problems/refusal.ts'
import type { Call } from '../call.ts'
import {
  addCallHeaders,
  type CallResponse,
  chargeUnknown,
  creditHeaders,
  refuse,
  setAll,
  wholeResponse,
} from './responses.ts'

/** The call, and whose stored response it gets. */
interface RepeatedCall {
  readonly call: Call
  readonly rateLimit: ObservedRateLimit | undefined
  readonly owner: ResponseOwner
  readonly storedResponses: StoredResponses
}

/** Delivers the response of a call that was charged. `replay` is the ledger's result for this one. */
export async function deliverReplayedCall(
  repeated: RepeatedCall,
  replay: AppendResult,
): Promise<CallResponse> {
  const { call, rateLimit, owner, storedResponses } = repeated
  // Noted before it is read: a refund of the charge sees that note, or is seen here.
  await storedResponses.replayed(owner)
  const first = await storedResponses.read(owner)
  if (first?.isRefunded) return refuse(call, outcomeUnknown, rateLimit)
  const at = first?.settled
  if (!first?.response || !at) return refuse(call, notStored(first), rateLimit)
  return deliverAgain(repeated, first.response, creditHeaders(0, replay, { ...replay, ...at }))
}

/** Charges a call that was executed and not charged, and delivers its response. */
export async function deliverResumedCall(
  repeated: RepeatedCall,
  reservation: Reservation,
): Promise<CallResponse> {
  const { call, rateLimit, owner, storedResponses } = repeated
  const { result } = reservation.terms
  let first: ClaimedCall | undefined
  try {
    first = await storedResponses.read(owner)
  } catch (error) {
    void reservation.void('gateway_failed')
    throw error
  }
  if (!first?.response) {
    const ended = await reservation.void('gateway_failed')
    return refuse(call, notStored(first), rateLimit, creditHeaders(0, result, ended))
  }
  const { response } = first
  const { status } = response
  // This hold does not grow, so it may not cover all that the first one grew to.
  const { by } = reservation.terms
  const charge = reservation.cappedCharge(countedOf({ ...first, ...(by !== undefined && { by }) }))
  try {
    const charged = await reservation.charge({ ...charge, status })
    return {
      ...deliverAgain(
        repeated,
        response,
        creditHeaders(charged.credits ?? charge.credits, result, charged),
      ),
      charged: { charge: charged, otherwise: () => chargeUnknown(call, rateLimit) },
    }
  } catch (error) {
    if (!(error instanceof LedgerUnavailable)) throw error
    void reservation.void('settlement_failed', status)
    return chargeUnknown(call, rateLimit)
  }
}

export function responseOwner(key: KeyRecord, claim: string): ResponseOwner {
  const { shard, keyId, accountId, accountSecret } = key
  return { shard, keyId, accountId, accountSecret, claim }
}

function deliverAgain(
  { call, rateLimit }: RepeatedCall,
  { status, headers: stored, body }: StoredResponse,
  credits: Readonly<Record<string, string>>,
): CallResponse {
  const headers = addCallHeaders(new Headers(stored as [string, string][]), call, rateLimit)
  setAll(headers, credits)
  headers.set('Idempotent-Replayed', 'true')
  return wholeResponse(call, { status }, body, headers)
}

function notStored(first: ClaimedCall | undefined): Refusal {
  const charge = first ? ` What it was charged: /v1/charges/${first.requestId}.` : ''
  return {
    code: 'answer_not_stored',
    detail:
      'The call with this Idempotency-Key was executed, and its response is not stored: it was a stream, too large, or is ' +
      `older than a day. It is not executed again.${charge}`,
  }
}
