/** Takes the calls. Everything that a customer pays for comes through `handle`; pipeline.ts has its steps. */
import type { Config } from '../config/config.ts'
import type { Gate } from '../gate/gate.ts'
import type { RefusedCall } from '../ledger/refusals/stored-refusals.ts'
import { LedgerUnavailable } from '../ledger/unavailable.ts'
import type { NewBodyMemory } from '../lib/body-memory-budget.ts'
import { newRequestId } from '../lib/ids.ts'
import { Pace } from '../lib/pace.ts'
import { problemOf } from '../problems/problem-document.ts'
import type { Refusal, RefusalCode } from '../problems/refusal.ts'
import type { Provider } from '../providers/provider.ts'
import type { ReceivedCall } from './call.ts'
import { beginRelay } from './delivery/begin-relay.ts'
import type { DeliveryDeps } from './delivery/priced-call.ts'
import { type CallResponse, ledgerUnavailable, refuse } from './delivery/responses.ts'
import { exceedsIdleTimeout, type IdleTimeout } from './idle-timeout.ts'
import { openInFlightCounter } from './in-flight.ts'
import type { RefusedCalls } from './metering/count-refused-calls.ts'
import { type Pipeline, respondToCall } from './pipeline.ts'
import { routeTable } from './request/route-table.ts'

interface ProxyDeps
  extends Omit<DeliveryDeps, 'maxBufferedBytes' | 'maxDeliverySeconds' | 'isCutOff'> {
  readonly config: Config
  readonly gate: Gate
  readonly idleTimeout: IdleTimeout
  readonly refusedCalls: Pick<RefusedCalls, 'count'>
  readonly newBodyMemory: NewBodyMemory
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
  /** The part of it spent waiting for the upstream; 0 when the call did not reach one. */
  readonly upstreamMs: number
}

/** How much of the large bodies of an account a gateway reads in a second: about what a network of a gigabit brings. */
const bodyBytesPerSecond = 100_000_000
/** How much of them it reads before they wait. */
const bodyBurst = 8_000_000

export interface CallProxy {
  /** Whether a path is that of a route. */
  isCall(path: string): boolean
  /** Whose API a path belongs to, where routes stand in for one. */
  providerOf(path: string): Provider | undefined
  /** Responds to a call. Never throws. */
  handle(request: Request): Promise<Response>
  /** Calls and streams under way. */
  readonly inFlight: number
  /** Resolves when nothing is under way, or after this long. */
  idle(withinMs: number): Promise<void>
  /** From now on it is the gateway that ends connections: whoever is cut off has not left, and is not charged. */
  cutOff(): void
}

export function openProxy(deps: ProxyDeps): CallProxy {
  const { config, gate, idleTimeout, newBodyMemory } = deps
  const { maxBufferedBytes, maxDeliverySeconds } = config.limits
  const { maxBodySeconds: maxSeconds, maxJsonValues } = config.limits
  const routes = routeTable(Object.values(config.routes))
  const buyMore = config.seller?.links?.buyMore
  const inFlightCalls = openInFlightCounter()
  let isCuttingOff = false
  const delivery: DeliveryDeps = {
    ...deps,
    maxBufferedBytes,
    maxDeliverySeconds,
    isCutOff: () => isCuttingOff,
    letLeave: (charge) => !isCuttingOff && deps.letLeave(charge),
  }
  const bodyLimits = { maxSeconds, maxJsonValues }
  const bodyPace = new Pace({ perSecond: bodyBytesPerSecond, burst: bodyBurst })
  const pipeline: Pipeline = { gate, bodyLimits, bodyPace, idleTimeout, delivery }

  async function handle(request: Request): Promise<Response> {
    const startedAtMs = performance.now()
    const requestId = newRequestId()
    const found = routes.find(request)
    if (!found.ok) return rejectUnknownRoute(deps, found, requestId, startedAtMs)
    const { route } = found
    const call: ReceivedCall = {
      ...{ request, requestId, route, buyMore, startedAtMs, upstreamMs: 0 },
    }
    const end = inFlightCalls.begin()
    const bodyMemory = newBodyMemory()
    let responded: CallResponse
    try {
      responded = await respondToCall(pipeline, call, found.readTarget, bodyMemory)
      if (responded.relayed) responded = await beginRelay(call, responded)
    } catch (error) {
      responded = refuse(call, refusalOfError(deps, error, call))
    } finally {
      bodyMemory.free()
    }
    if (exceedsIdleTimeout(idleTimeout, call.route)) idleTimeout.set(request, idleTimeout.seconds)
    const over = () => {
      end()
      call.endInFlight?.()
      // What no charge said to be used is given back.
      call.tokens?.settle(0)
    }
    if (responded.relayed) void responded.relayed.then(over)
    else over()
    if (responded.refusal) countRefusal(deps, call, responded)
    responded = withheldIfLate(delivery, call, responded)
    observe(deps, call, responded)
    return responded.response
  }

  return {
    isCall: routes.isKnown,
    providerOf: routes.providerOf,
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

/** The last thing before a response leaves: a charged one may be too late to. */
function withheldIfLate(
  { letLeave, log }: DeliveryDeps,
  { route, requestId }: ReceivedCall,
  responded: CallResponse,
): CallResponse {
  const { charged } = responded
  if (!charged || letLeave(charged.charge)) return responded
  log(`${route.id} ${requestId}: charged, and withheld: too long after its charge was sent`)
  return charged.otherwise()
}

function rejectUnknownRoute(
  deps: ProxyDeps,
  { refusal, provider }: { readonly refusal: Refusal; readonly provider: Provider | undefined },
  requestId: string,
  startedAtMs: number,
): Response {
  const response = problemOf(refusal, requestId, provider)
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

function countRefusal(
  { refusedCalls }: ProxyDeps,
  { keyIfRefused: key, requestId, route: { id: endpoint } }: ReceivedCall,
  { refusal: reason, extensions = {} }: CallResponse,
): void {
  if (!key || !reason) return
  // What is wrong with a body may repeat what is in it, and is nothing to be kept.
  const { errors: _, ...figures } = extensions
  const refusedAtMs = performance.now()
  refusedCalls.count({ requestId, key, endpoint, reason, figures: figures as Figures, refusedAtMs })
}

type Figures = RefusedCall['figures']

function refusalOfError(
  { log }: ProxyDeps,
  error: unknown,
  { route, requestId }: ReceivedCall,
): Refusal {
  if (error instanceof LedgerUnavailable) {
    // Without the call's id: equal messages are logged once, and there are as many as calls come in.
    log('calls are refused: the ledger cannot be reached', error)
    return ledgerUnavailable
  }
  log(`${route.id} ${requestId}: failed`, error)
  return { code: 'internal', detail: 'The gateway failed. You were not charged.' }
}

function observe(deps: ProxyDeps, call: ReceivedCall, { response, refusal }: CallResponse): void {
  const { route, requestId, startedAtMs, upstreamMs } = call
  const latencyMs = performance.now() - startedAtMs
  const { status } = response
  deps.observe?.({ route: route.id, status, refusal, requestId, latencyMs, upstreamMs })
}
