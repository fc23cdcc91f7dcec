/**
 * A call whose Idempotency-Key is taken by one whose work is done: its stored answer is given again.
 * Usually it was charged, and this costs nothing. When its gateway died between storing the answer and
 * charging it, this call holds anew, settles, and so completes it. Nothing runs a second time.
 */
import { type Held, outcomeUnknown, type SeenWindow } from '../../gate/gate.ts'
import { type OpenHold, release, settle } from '../../gate/reservation/settlement.ts'
import type { Appender } from '../../ledger/append/appender.ts'
import { type AppendResult, LedgerUnavailable } from '../../ledger/append/call-commands.ts'
import type {
  ClaimedCall,
  ResponseOwner,
  StoredResponse,
  StoredResponses,
} from '../../ledger/idempotency/stored-responses.ts'
import type { KeyRecord } from '../../ledger/read/read-for-calls.ts'
import { credits } from '../../pricing/price-arithmetic.ts'
import type { Refusal } from '../../problems/refusal.ts'
import {
  type Answered,
  type Call,
  callHeaders,
  chargeUnknown,
  moneyHeaders,
  refused,
  setAll,
} from './responses.ts'

/** The answer of a call that was charged. `replay` is the ledger's verdict on this one. */
export async function replayedCall(
  call: Call,
  key: KeyRecord,
  claim: string,
  replay: AppendResult,
  window: SeenWindow,
  stored: StoredResponses,
): Promise<Answered> {
  // Noted before it is read: whoever gives the charge back sees that, or is seen here.
  await stored.replayed(ownerOf(key, claim))
  const first = await stored.read(ownerOf(key, claim))
  if (first?.givenBack) return refused(call, outcomeUnknown, window)
  const at = first?.settled
  if (!first?.response || !at) return refused(call, notKept(first), window)
  const money = moneyHeaders(0, replay, { ...replay, ...at })
  return again(call, first.response, window, money)
}

/** The answer of a call that was executed and not charged, charged now. */
export async function completedCall(
  call: Call,
  held: Held,
  claim: string,
  window: SeenWindow,
  { stored, appender }: { readonly stored: StoredResponses; readonly appender: Appender },
): Promise<Answered> {
  const hold: OpenHold = { ...held, ...call, endpoint: call.route.id }
  let first: ClaimedCall | undefined
  try {
    first = await stored.read(ownerOf(held.key, claim))
  } catch (error) {
    void release(appender, hold, 'gateway_failed')
    throw error
  }
  if (!first?.response) {
    const released = await release(appender, hold, 'gateway_failed')
    return refused(call, notKept(first), window, moneyHeaders(0, held.answer, released))
  }
  const { response: answer } = first
  // A hold that grew with the call does not do so again.
  const quantity = Math.min(first.quantity, held.quantity)
  const used = credits(held.price, quantity)
  const { status } = answer
  try {
    const settled = await settle(appender, hold, { credits: used, quantity, status })
    return again(call, answer, window, moneyHeaders(used, held.answer, settled))
  } catch (error) {
    if (!(error instanceof LedgerUnavailable)) throw error
    void release(appender, hold, 'settlement_failed', status)
    return chargeUnknown(call, window)
  }
}

/** Whose the stored answer is. */
export function ownerOf(key: KeyRecord, claim: string): ResponseOwner {
  const { shard, keyId, accountId, secret } = key
  return { shard, keyId, accountId, secret, claim }
}

function again(
  call: Call,
  { status, headers: stored, body }: StoredResponse,
  window: SeenWindow,
  money: Readonly<Record<string, string>>,
): Answered {
  const headers = callHeaders(new Headers(stored as [string, string][]), call, window)
  setAll(headers, money)
  headers.set('Idempotent-Replayed', 'true')
  return { response: new Response(body as Uint8Array<ArrayBuffer>, { status, headers }) }
}

function notKept(first: ClaimedCall | undefined): Refusal {
  const charge = first ? ` What it was charged: /v1/charges/${first.requestId}.` : ''
  return {
    code: 'answer_not_stored',
    detail:
      'The call with this Idempotency-Key was executed, and its answer was too large to be stored or is ' +
      `older than a day. It is not executed again.${charge}`,
  }
}
