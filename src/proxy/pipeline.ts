/** The steps of a call, in their order. */

import type { AuthorizedCall } from '../gate/authorize/authorize.ts'
import type { Gate } from '../gate/gate.ts'
import type { Outcome } from '../gate/outcome.ts'
import type { Permit } from '../gate/rate-limit/rate-limiter.ts'
import { type Permitted, withPermitReturned } from '../gate/rate-limit/take-permit.ts'
import type { CallToReserve } from '../gate/reservation/reservation.ts'
import type { Reserved } from '../gate/reservation/reserve.ts'
import type { BodyMemory } from '../lib/body-memory-budget.ts'
import { maxUncountedBytes } from '../lib/http-body.ts'
import type { Pace } from '../lib/pace.ts'
import { isFree as isFreePrice } from '../pricing/price-rule.ts'
import type { Call, ReceivedCall } from './call.ts'
import { deliverFreeCall } from './delivery/deliver-free-call.ts'
import { deliverPricedCall } from './delivery/deliver-priced-call.ts'
import {
  deliverReplayedCall,
  deliverResumedCall,
  responseOwner,
} from './delivery/deliver-stored-response.ts'
import type { DeliveryDeps } from './delivery/priced-call.ts'
import { type CallResponse, refuse } from './delivery/responses.ts'
import { exceedsIdleTimeout, type IdleTimeout } from './idle-timeout.ts'
import { measureAudio } from './measure-audio.ts'
import { needsReading, readAudioOf } from './request/audio-of-call.ts'
import type { ReadTarget } from './request/call-target.ts'
import { claimOf, readIdempotencyKey } from './request/idempotency-claim.ts'
import { refuseUpgrade } from './request/refuse-upgrade.ts'
import { readRequestBody, streamOf } from './request/request-body.ts'
import { bodyRefusal } from './request/take-body.ts'

export interface Pipeline {
  readonly gate: Gate
  readonly bodyLimits: { readonly maxSeconds: number; readonly maxJsonValues: number }
  /** How fast the large bodies of an account are read, in bytes. */
  readonly bodyPace: Pace
  readonly idleTimeout: IdleTimeout
  readonly delivery: DeliveryDeps
}

export async function respondToCall(
  { gate, bodyLimits, bodyPace, idleTimeout, delivery }: Pipeline,
  received: ReceivedCall,
  readTarget: () => ReadTarget,
  bodyMemory: BodyMemory,
): Promise<CallResponse> {
  const { request, route } = received
  const upgrade = refuseUpgrade(request)
  if (upgrade) return refuse(received, upgrade)

  const authorization = await gate.authorize(request, route)
  if (!authorization.ok) {
    received.keyIfRefused = authorization.key
    return refuse(received, authorization.refusal)
  }
  const { authorized } = authorization
  received.keyIfRefused = authorized.key

  const target = readTarget()
  if ('refusal' in target) return refuse(received, target.refusal)
  const named = readIdempotencyKey(request)
  if ('refusal' in named) return refuse(received, named.refusal)
  const call: Call = Object.assign(received, { target })

  // With an Idempotency-Key it is the ledger that decides whether it runs, so it takes a hold, of 0 credits.
  const isFree = isFreePrice(authorized.price) && named.name === null
  call.endInFlight = gate.begin(authorized, isFree)
  if (!call.endInFlight) {
    const begun = await gate.beginAnew(authorized, request, isFree)
    if (!begun.ok) return refuse(call, begun.refusal)
    call.endInFlight = begun.end
  }

  // Whatever was read of a body has used its permit.
  const taken = await gate.takePermit(authorized, request, route)
  if (!taken.ok) return refuse(call, taken.refusal, taken.rateLimit)
  const { permit, rateLimit } = taken
  const { accountId } = authorized.key
  bodyMemory.owner = accountId
  const { take } = bodyMemory
  const waitAfter = (bytes: number) => bodyPace.count(accountId, bytes)
  const limits = { ...bodyLimits, take, waitAfter }
  const body = await readRequestBody(request, route, limits, target.content)
  if ('refusal' in body) return refuse(call, bodyRefusal(body.refusal), rateLimit)
  // While the upstream works, nothing moves on the connection. If the server closed it, the client would seem to have
  // left, and would pay. proxy.ts sets the limit again.
  if (exceedsIdleTimeout(idleTimeout, route)) idleTimeout.set(request, 0)

  const { key, price } = authorized
  const isUnmeasured = body.audio !== undefined && needsReading(body, price)
  if (isFree) {
    const read = isUnmeasured ? await readAudioOf(body, price, key.accountId) : body
    if ('refusal' in read) return refuse(call, read.refusal, rateLimit)
    call.keyIfRefused = undefined
    return deliverFreeCall({ call, body: read, key, rateLimit, deps: delivery })
  }
  const claim = claimOf(named.name, request, target.path, body, route, key)
  // The same object: when the call gets another id, its response and its log lines say that one.
  const isReceiving = streamOf(body) !== undefined
  const content = { ...body.content, method: request.method }
  const counted = await gate.takeTokens(authorized, request, route, content)
  if (!counted.ok) return refuse(call, counted.refusal, counted.rateLimit ?? rateLimit)
  call.tokens = counted.tokens
  const limited =
    rateLimit && counted.tokens ? { ...rateLimit, tokens: counted.tokens.state } : rateLimit
  const toReserve = Object.assign(call, { claim, content, isReceiving, isUnmeasured })
  const returned = body.bytes.length === 0 ? permit : undefined
  const reserved = await reserveOrReturnPermit(gate, authorized, toReserve, returned)
  if (!reserved.ok) {
    return refuse(call, reserved.refusal, returned ? withPermitReturned(limited) : limited)
  }
  if (reserved.kind !== 'replay') call.keyIfRefused = undefined
  if (reserved.kind !== 'reserved') {
    // A large body costs what a permit is for.
    const isSmall = body.bytes.length <= maxUncountedBytes
    return repeatCall(gate, delivery, call, reserved, {
      permit: isSmall ? permit : undefined,
      rateLimit: limited,
    })
  }
  const { reservation } = reserved
  const reservedAtMs = performance.now()
  const measured = body.audio ? await measureAudio(body, reservation) : body
  if ('refusal' in measured) return refuse(call, measured.refusal, limited, measured.headers)
  const reservedCall = { reservation, reservedAtMs, rateLimit: limited }
  return deliverPricedCall({ call, body: measured, ...reservedCall, deps: delivery })
}

/**
 * Delivers what an earlier call with the same Idempotency-Key did. Where that call was charged, it has used its permit.
 * @param permitted with the permit that is returned then
 */
async function repeatCall(
  gate: Gate,
  { storedResponses }: DeliveryDeps,
  call: Call,
  reserved: Exclude<Reserved, { kind: 'reserved' }>,
  { permit, rateLimit }: Permitted,
): Promise<CallResponse> {
  if (reserved.kind === 'resumed') {
    const { reservation, claim } = reserved
    const owner = responseOwner(reservation.terms.key, claim.key)
    return deliverResumedCall({ call, rateLimit, owner, storedResponses }, reservation)
  }
  await gate.returnPermit(permit)
  const left = permit ? withPermitReturned(rateLimit) : rateLimit
  const owner = responseOwner(reserved.key, reserved.claim.key)
  return deliverReplayedCall({ call, rateLimit: left, owner, storedResponses }, reserved.result)
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
