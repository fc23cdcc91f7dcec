/** The steps of a call, in their order. */

import type { AuthorizedCall } from '../gate/authorize/authorize.ts'
import type { Gate } from '../gate/gate.ts'
import type { Outcome } from '../gate/outcome.ts'
import type { Permit } from '../gate/rate-limit/rate-limiter.ts'
import { withPermitReturned } from '../gate/rate-limit/take-permit.ts'
import type { CallToReserve } from '../gate/reservation/reservation.ts'
import type { Reserved } from '../gate/reservation/reserve.ts'
import type { BodyMemory } from '../lib/body-memory-budget.ts'
import type { Call, ReceivedCall } from './call.ts'
import { deliverFreeCall, type FreeCall } from './delivery/deliver-free-call.ts'
import { deliverPricedCall } from './delivery/deliver-priced-call.ts'
import {
  deliverReplayedCall,
  deliverResumedCall,
  responseOwner,
} from './delivery/deliver-stored-response.ts'
import type { DeliveryDeps } from './delivery/priced-call.ts'
import { type CallResponse, refuse } from './delivery/responses.ts'
import { exceedsIdleTimeout, type IdleTimeout } from './idle-timeout.ts'
import type { ReadTarget } from './request/call-target.ts'
import { claimOf } from './request/idempotency-claim.ts'
import { refuseUpgrade } from './request/refuse-upgrade.ts'
import { readRequestBody, streamOf } from './request/request-body.ts'
import { bodyRefusal } from './request/take-body.ts'

export interface Pipeline {
  readonly gate: Gate
  readonly maxBodySeconds: number
  readonly idleTimeout: IdleTimeout
  readonly delivery: DeliveryDeps
}

export async function respondToCall(
  { gate, maxBodySeconds, idleTimeout, delivery }: Pipeline,
  received: ReceivedCall,
  readTarget: () => ReadTarget,
  { take }: BodyMemory,
): Promise<CallResponse> {
  const { request, route } = received
  const upgrade = refuseUpgrade(request)
  if (upgrade) return refuse(received, upgrade)

  const authorization = await gate.authorize(request, route)
  if (!authorization.ok) return refuse(received, authorization.refusal)
  const { authorized } = authorization
  const isFree = authorized.price.per === 'free'

  const target = readTarget()
  if ('refusal' in target) return refuse(received, target.refusal)
  const call: Call = Object.assign(received, { target })
  const limits = { maxSeconds: maxBodySeconds, take }
  const body = await readRequestBody(request, route, limits, target.content)
  if ('refusal' in body) return refuse(call, bodyRefusal(body.refusal))
  const claimed = claimOf(request, target.path, body, route, authorized.key)
  if ('refusal' in claimed) return refuse(call, claimed.refusal)
  const { claim } = claimed
  // While the upstream works, nothing moves on the connection. If the server closed it, the client would seem to have
  // left, and would pay. proxy.ts sets the limit again.
  if (exceedsIdleTimeout(idleTimeout, route)) idleTimeout.set(request, 0)

  const taken = await gate.takePermit(authorized, request, route)
  if (!taken.ok) return refuse(call, taken.refusal, taken.rateLimit)
  const { permit, rateLimit } = taken
  // With an Idempotency-Key it is the ledger that decides whether it runs, so it takes a hold, of 0 credits.
  if (isFree && !claim) {
    const free = { call, body, key: authorized.key, rateLimit, deps: delivery }
    return permit ? deliverFreeCall(free) : deliverUncounted(gate, authorized, free)
  }

  // The same object: when the call gets another id, its response and its log lines say that one.
  const isReceiving = streamOf(body) !== undefined
  const toReserve = Object.assign(call, { claim, content: body.content, isReceiving })
  const reserved = await reserveOrReturnPermit(gate, authorized, toReserve, permit)
  if (!reserved.ok) return refuse(call, reserved.refusal, withPermitReturned(rateLimit))
  if (reserved.kind === 'reserved') {
    const { reservation } = reserved
    const reservedAtMs = performance.now()
    return deliverPricedCall({ call, body, rateLimit, reservation, reservedAtMs, deps: delivery })
  }

  const key = reserved.kind === 'replay' ? reserved.key : reserved.reservation.terms.key
  const owner = responseOwner(key, reserved.claim.key)
  const repeated = { call, rateLimit, owner, storedResponses: delivery.storedResponses }
  return reserved.kind === 'replay'
    ? deliverReplayedCall(repeated, reserved.result)
    : deliverResumedCall(repeated, reserved.reservation)
}

/** Delivers a free call that took no permit, if the account has not too many of these in flight. */
async function deliverUncounted(
  gate: Gate,
  authorized: AuthorizedCall,
  free: FreeCall,
): Promise<CallResponse> {
  const begun = gate.beginUncounted(authorized)
  if (!begun.ok) return refuse(free.call, begun.refusal)
  let delivered: CallResponse | undefined
  try {
    delivered = await deliverFreeCall(free)
    return delivered
  } finally {
    if (delivered?.relayed) void delivered.relayed.then(begun.end)
    else begun.end()
  }
}

/** Reserves what the call can cost. A call that gets no reservation, for whatever reason, has used no permit. */
async function reserveOrReturnPermit(
  gate: Gate,
  authorized: AuthorizedCall,
  call: CallToReserve,
  permit: Permit | undefined,
): Promise<Outcome<Reserved>> {
  let reserved: Outcome<Reserved>
  try {
    reserved = await gate.reserve(authorized, call)
  } catch (error) {
    await gate.returnPermit(permit)
    throw error
  }
  if (!reserved.ok) await gate.returnPermit(permit)
  return reserved
}
