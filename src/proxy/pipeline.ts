/** The steps of a call, in their order. Everything that a customer pays for comes through `handle`. */
import type { Config, Route } from '../config/config.ts'
import type { AuthorizedCall } from '../gate/authorize/authorize.ts'
import type { Gate } from '../gate/gate.ts'
import type { Outcome } from '../gate/outcome.ts'
import type { Permitted } from '../gate/rate-limit/take-permit.ts'
import { withPermitReturned } from '../gate/rate-limit/take-permit.ts'
import type { CallToReserve, Reserved } from '../gate/reservation/reserve.ts'
import { LedgerUnavailable } from '../ledger/append/call-commands.ts'
import { newRequestId } from '../lib/ids.ts'
import { problemOf } from '../problems/problem-document.ts'
import type { Refusal, RefusalCode } from '../problems/refusal.ts'
import type { Call } from './call.ts'
import { deliverPricedCall } from './delivery/deliver-priced-call.ts'
import { deliverFreeCall } from './delivery/free-call.ts'
import type { DeliveryDeps } from './delivery/priced-call.ts'
import { deliverReplayedCall, deliverResumedCall, responseOwner } from './delivery/replayed-call.ts'
import { bodyRefusal, type CallResponse, ledgerUnavailable, refuse } from './delivery/responses.ts'
import { openInFlightCounter } from './in-flight.ts'
import { type BodyMemory, openBodyMemoryBudget } from './request/body-memory-budget.ts'
import { claimOf } from './request/idempotency-claim.ts'
import { readRequestBody } from './request/request-body.ts'
import { routeTable } from './request/route-table.ts'

interface ProxyDeps
  extends Omit<DeliveryDeps, 'maxBufferedBytes' | 'isCutOff' | 'settled'>,
    Partial<Pick<DeliveryDeps, 'settled'>> {
  readonly config: Config
  readonly gate: Gate
  /** When the server ends a silent connection, and how to set that for one request; 0 is never. */
  readonly idleTimeout: {
    readonly seconds: number
    readonly set: (request: Request, seconds: number) => void
  }
  /** Called once for each call, when its response begins. */
  readonly observe?: (call: ObservedCall) => void
}

/** What metrics and logs see of a call. */
export interface ObservedCall {
  /** The route's id, or `none`: what else a client asked for is not repeated. */
  readonly route: string
  readonly status: number
  readonly refusal: RefusalCode | undefined
  readonly requestId: string
  /** Until the response begins. */
  readonly latencyMs: number
  /** Of it, spent waiting for the upstream; 0 when the call did not reach one. */
  readonly upstreamMs: number
}

export interface CallProxy {
  /** Responds to a call under /v1. Never throws. */
  handle(request: Request): Promise<Response>
  /** Calls and streams under way. */
  readonly inFlight: number
  /** Resolves when nothing is under way, or after this long. */
  idle(withinMs: number): Promise<void>
  /** From now on it is the gateway that ends connections: whoever is cut off has not left, and is not charged. */
  cutOff(): void
}

/** What every call needs, built once. */
interface Pipeline {
  readonly deps: ProxyDeps
  readonly delivery: DeliveryDeps
}

export function openProxy(deps: ProxyDeps): CallProxy {
  const { config, idleTimeout } = deps
  const findRoute = routeTable(Object.values(config.routes))
  const inFlightCalls = openInFlightCounter()
  const newBodyMemory = openBodyMemoryBudget(config.limits.maxTotalBodyBytes)
  let isCuttingOff = false
  const { maxBufferedBytes } = config.limits
  const isCutOff = () => isCuttingOff
  const delivery = { ...deps, maxBufferedBytes, isCutOff, settled: deps.settled }
  const pipeline: Pipeline = { deps, delivery }

  async function handle(request: Request): Promise<Response> {
    const startedAtMs = performance.now()
    const requestId = newRequestId()
    const found = findRoute(request)
    if (!found.ok) return rejectUnknownRoute(deps, found.refusal, requestId, startedAtMs)
    const call = { request, requestId, route: found.route, startedAtMs, upstreamMs: 0 }
    const end = inFlightCalls.begin()
    const bodyMemory = newBodyMemory()
    let responded: CallResponse
    try {
      responded = await respond(pipeline, call, bodyMemory)
    } catch (error) {
      responded = refuse(call, refusalOfError(deps, error, call))
    } finally {
      bodyMemory.free()
    }
    if (exceedsIdleTimeout(deps, call.route)) idleTimeout.set(request, idleTimeout.seconds)
    if (responded.relayed) void responded.relayed.then(end)
    else end()
    observe(deps, call, responded)
    return responded.response
  }

  return {
    handle,
    get inFlight() {
      return inFlightCalls.count
    },
    idle: inFlightCalls.idle,
    cutOff() {
      isCuttingOff = true
    },
  }
}

/** The steps of a call. */
async function respond(
  { deps, delivery }: Pipeline,
  call: Call,
  { take }: BodyMemory,
): Promise<CallResponse> {
  const { request, route } = call
  const { gate, config } = deps

  const authorization = await gate.authorize(request, route)
  if (!authorization.ok) return refuse(call, authorization.refusal)
  const { authorized } = authorization

  const body = await readRequestBody(request, route, {
    maxSeconds: config.limits.maxBodySeconds,
    take,
  })
  if ('refusal' in body) return refuse(call, bodyRefusal(body.refusal))
  const isFree = authorized.price.per === 'free'
  const named = isFree ? { claim: undefined } : claimOf(request, body, authorized.key)
  if ('refusal' in named) return refuse(call, named.refusal)
  // Cut off by the server, a client who waits for a slow upstream would be charged for leaving.
  if (exceedsIdleTimeout(deps, route)) deps.idleTimeout.set(request, 0)

  const permission = await gate.takePermit(authorized, request)
  if (!permission.ok) return refuse(call, permission.refusal, permission.rateLimit)
  const { rateLimit } = permission
  if (isFree) return deliverFreeCall({ call, body, key: authorized.key, rateLimit, deps: delivery })

  const { claim } = named
  const reserved = await reserve(
    gate,
    authorized,
    { ...call, claim, facts: body.facts },
    permission,
  )
  if (!reserved.ok) return refuse(call, reserved.refusal, withPermitReturned(rateLimit))
  if (reserved.kind === 'reserved') {
    const { reservation } = reserved
    const reservedAtMs = performance.now()
    return deliverPricedCall({ call, body, rateLimit, reservation, reservedAtMs, deps: delivery })
  }
  const key = reserved.kind === 'replay' ? reserved.key : reserved.reservation.terms.key
  const owner = responseOwner(key, claim?.key ?? '')
  const repeated = { call, rateLimit, owner, storedResponses: deps.storedResponses }
  return reserved.kind === 'replay'
    ? deliverReplayedCall(repeated, reserved.result)
    : deliverResumedCall(repeated, reserved.reservation)
}

/** A call that is refused for money has used no permit. */
async function reserve(
  gate: Gate,
  authorized: AuthorizedCall,
  call: CallToReserve,
  { permit }: Permitted,
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

/** Whether the upstream may take longer than a silent connection lives, with a margin for the ledger. */
function exceedsIdleTimeout({ idleTimeout }: ProxyDeps, { timeoutMs }: Route): boolean {
  return timeoutMs / 1_000 + 30 > idleTimeout.seconds
}

function rejectUnknownRoute(
  deps: ProxyDeps,
  refusal: Refusal,
  requestId: string,
  startedAtMs: number,
): Response {
  const response = problemOf(refusal, requestId)
  deps.observe?.({
    route: 'none',
    status: response.status,
    refusal: refusal.code,
    requestId,
    latencyMs: performance.now() - startedAtMs,
    upstreamMs: 0,
  })
  return response
}

function refusalOfError({ log }: ProxyDeps, error: unknown, { route, requestId }: Call): Refusal {
  if (error instanceof LedgerUnavailable) {
    // Without the call's id: equal messages are logged once, and there are as many as calls come in.
    log('calls are refused: the ledger cannot be reached', error)
    return ledgerUnavailable
  }
  log(`${route.id} ${requestId}: failed`, error)
  return { code: 'internal', detail: 'The gateway failed. You were not charged.' }
}

function observe(deps: ProxyDeps, call: Call, { response, refusal }: CallResponse): void {
  const { route, requestId, startedAtMs, upstreamMs } = call
  const latencyMs = performance.now() - startedAtMs
  const { status } = response
  deps.observe?.({ route: route.id, status, refusal, requestId, latencyMs, upstreamMs })
}
