/** The steps of a call, in their order. */

import type { AuthorizedCall } from '../gate/authorize/authorize.ts'
import type { Gate } from '../gate/gate.ts'
import type { Outcome } from '../gate/outcome.ts'
import type { Permit } from '../gate/rate-limit/rate-limiter.ts'
import { withPermitReturned } from '../gate/rate-limit/take-permit.ts'
import type { CallToReserve } from '../gate/reservation/reservation.ts'
import type { Reserved } from '../gate/reservation/reserve.ts'
import type { BodyMemory } from '../lib/body-memory-budget.ts'
import { maxUncountedBytes } from '../lib/http-body.ts'
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
import { claimOf, readIdempotencyKey } from './request/idempotency-claim.ts'
import { refuseUpgrade } from './request/refuse-upgrade.ts'
import { readRequestBody, streamOf } from './request/request-body.ts'
import { bodyRefusal } from './request/take-body.ts'

export interface Pipeline {
  readonly gate: Gate
  readonly bodyLimits: { readonly maxSeconds: number; readonly maxJsonValues: number }
  readonly idleTimeout: IdleTimeout
  readonly delivery: DeliveryDeps
}

export async function respondToCall(
  { gate, bodyLimits, idleTimeout, delivery }: Pipeline,
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
  const named = readIdempotencyKey(request)
  if ('refusal' in named) return refuse(received, named.refusal)
  const call: Call = Object.assign(received, { target })

  // Whatever was read of a body has used its permit.
  const taken = await gate.takePermit(authorized, request, route)
  if (!taken.ok) return refuse(call, taken.refusal, taken.rateLimit)
  const { permit, rateLimit } = taken
  const body = await readRequestBody(request, route, { ...bodyLimits, take }, target.content)
  if ('refusal' in body) return refuse(call, bodyRefusal(body.refusal), rateLimit)
  const claim = claimOf(named.name, request, target.path, body, route, authorized.key)
  // While the upstream works, nothing moves on the connection. If the server closed it, the client would seem to have
  // left, and would pay. proxy.ts sets the limit again.
  if (exceedsIdleTimeout(idleTimeout, route)) idleTimeout.set(request, 0)

  // With an Idempotency-Key it is the ledger that decides whether it runs, so it takes a hold, of 0 credits.
  if (isFree && !claim) {
    const free = { call, body, key: authorized.key, rateLimit, deps: delivery }
    return permit ? deliverFreeCall(free) : deliverUncounted(gate, authorized, free)
  }

  // The same object: when the call gets another id, its response and its log lines say that one.
  const isReceiving = streamOf(body) !== undefined
  const toReserve = Object.assign(call, { claim, content: body.content, isReceiving })
  const returned = body.bytes.length === 0 ? permit : undefined
  const reserved = await reserveOrReturnPermit(gate, authorized, toReserve, returned)
  if (!reserved.ok) {
    return refuse(call, reserved.refusal, returned ? withPermitReturned(rateLimit) : rateLimit)
  }
  if (reserved.kind === 'reserved') {
    const { reservation } = reserved
    const reservedAtMs = performance.now()
    return deliverPricedCall({ call, body, rateLimit, reservation, reservedAtMs, deps: delivery })
  }

  const key = reserved.kind === 'replay' ? reserved.key : reserved.reservation.terms.key
  const owner = responseOwner(key, reserved.claim.key)
  const repeated = { call, rateLimit, owner, storedResponses: delivery.storedResponses }
  if (reserved.kind === 'resumed') return deliverResumedCall(repeated, reserved.reservation)
  // The call that is repeated has used its permit. A large body costs what one is for.
  if (body.bytes.length > maxUncountedBytes) return deliverReplayedCall(repeated, reserved.result)
  await gate.returnPermit(permit)
  const unlimited = { ...repeated, rateLimit: withPermitReturned(rateLimit) }
  return deliverReplayedCall(unlimited, reserved.result)
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

/**
 * Reserves what the call can cost.
 * @param permit returned where the call gets no reservation, for whatever reason
 */
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
