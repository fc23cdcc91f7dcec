/**
 * The way of one call: gate, hold, forward, settle, respond. Everything that a customer pays for comes
 * through `handle`.
 */
import type { Config, Route } from '../config/config.ts'
import type { UpstreamAddresses } from '../config/upstream-addresses.ts'
import type { CallToHold, Gate } from '../gate/gate.ts'
import type { RateLimiter } from '../gate/rate-limit/rate-limiter.ts'
import type { Appender } from '../ledger/append/appender.ts'
import { type Claim, LedgerUnavailable } from '../ledger/append/call-commands.ts'
import type { StoredResponses } from '../ledger/idempotency/stored-responses.ts'
import type { KeyRecord } from '../ledger/read/read-for-calls.ts'
import { newRequestId } from '../lib/ids.ts'
import { credits, holdQuantity } from '../pricing/price-arithmetic.ts'
import { problemOf } from '../problems/problem-document.ts'
import type { Refusal, RefusalCode } from '../problems/refusal.ts'
import { freeCall } from './delivery/free-call.ts'
import { pricedCall } from './delivery/priced-call.ts'
import { completedCall, replayedCall } from './delivery/replayed-call.ts'
import {
  type Answered,
  bodyRefusal,
  type Call,
  givenBack,
  ledgerUnavailable,
  refused,
} from './delivery/responses.ts'
import { openInFlightCounter } from './in-flight.ts'
import type { FreeCalls } from './metering/free-calls.ts'
import { openBodyRoom, type Share } from './request/body-memory-budget.ts'
import { claimOf } from './request/idempotency-claim.ts'
import { type CallBody, readRequestBody } from './request/request-body.ts'
import { routeTable } from './request/route-table.ts'
import { type Forwarded, forward } from './upstream/forward.ts'

export interface ProxyDeps {
  readonly config: Config
  readonly addresses: Readonly<Record<string, UpstreamAddresses>>
  readonly gate: Gate
  readonly windows: RateLimiter
  readonly appenderOf: (shard: number) => Appender
  readonly freeCalls: FreeCalls
  readonly storedResponses: StoredResponses
  /** After how long the server ends a silent connection, and how a request's own is set; 0 is never. */
  readonly silence: {
    readonly seconds: number
    readonly allow: (request: Request, seconds: number) => void
  }
  /** Called once for each call, when its answer begins. */
  readonly observe?: (call: CallSeen) => void
  /** Called when a hold was settled, with how long it had been held. */
  readonly settled?: (heldMs: number) => void
  readonly log: (message: string, error?: unknown) => void
}

/** What metrics and logs see of a call. */
export interface CallSeen {
  /** The route's id, or `none`: what else a client asked for is not repeated. */
  readonly route: string
  readonly status: number
  readonly refusal: RefusalCode | undefined
  readonly requestId: string
  /** Until the answer begins. */
  readonly latencyMs: number
  /** Of it, spent waiting for the service; 0 when the call did not reach one. */
  readonly upstreamMs: number
}

export interface CallProxy {
  /** Answers a call under /v1. Never throws. */
  handle(request: Request): Promise<Response>
  /** Calls and streams under way. */
  readonly inFlight: number
  /** Resolves when nothing is under way, or after this long. */
  idle(withinMs: number): Promise<void>
  /** From now on it is the gateway that ends connections: whoever is cut off has not left, and is not charged. */
  cutOff(): void
}

export function openProxy(deps: ProxyDeps): CallProxy {
  const { config, gate, windows, appenderOf, silence, log } = deps
  const find = routeTable(Object.values(config.routes))
  const inFlightCalls = openInFlightCounter()
  const newShare = openBodyRoom(config.limits.maxTotalBodyBytes)
  let cutting = false

  async function handle(request: Request): Promise<Response> {
    const startedAtMs = performance.now()
    const requestId = newRequestId()
    const found = find(request)
    if (!found.ok) return unknown(found.refusal, requestId, startedAtMs)
    const call = { request, requestId, route: found.route, startedAtMs, upstreamMs: 0 }
    const end = inFlightCalls.begin()
    const share = newShare()
    let answered: Answered
    try {
      answered = await answer(call, share.take)
    } catch (error) {
      answered = refused(call, refusalOf(error, call))
    } finally {
      share.giveBack()
    }
    if (exceedsIdleTimeout(call.route)) silence.allow(request, silence.seconds)
    if (answered.relayed) void answered.relayed.then(end)
    else end()
    observe(call, answered)
    return answered.response
  }

  function unknown(refusal: Refusal, requestId: string, startedAtMs: number): Response {
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

  async function answer(call: Call, take: Share['take']): Promise<Answered> {
    const admission = await gate.admit(call.request, call.route)
    if (!admission.ok) return refused(call, admission.refusal)
    const { admitted } = admission

    const { maxBodySeconds: maxSeconds } = config.limits
    const body = await readRequestBody(call.request, call.route, { maxSeconds, take })
    if ('refusal' in body) return refused(call, bodyRefusal(body.refusal))
    const sold = admitted.price.per !== 'free'
    const named = sold ? claimOf(call.request, body, admitted.key) : { claim: undefined }
    if ('refusal' in named) return refused(call, named.refusal)
    // Cut off by the server, a client who waits for a slow service would be charged for leaving.
    if (exceedsIdleTimeout(call.route)) silence.allow(call.request, 0)

    const entry = await gate.enter(admitted, call.request)
    if (!entry.ok) return refused(call, entry.refusal, entry.window)
    const { window, place } = entry
    if (!sold) {
      return freeCall(call, window, {
        maxBufferedBytes: config.limits.maxBufferedBytes,
        send: () => send(call, admitted.key, body, false),
        count: (failed) => count(call, admitted.key, failed),
        log,
      })
    }

    const asked = callToHold(call, body, named.claim)
    const holding = await gate.hold(admitted, asked).catch(async (error) => {
      await windows.returnPermit(place)
      throw error
    })
    if (!holding.ok) {
      // A call that is refused for money has used no place.
      await windows.returnPermit(place)
      return refused(call, holding.refusal, givenBack(window))
    }
    const appender = appenderOf(holding.key.shard)
    const claim = named.claim?.key ?? ''
    if ('replay' in holding) {
      return replayedCall(call, holding.key, claim, holding.replay, window, deps.storedResponses)
    }
    if (holding.again) {
      return completedCall(call, holding, claim, window, { stored: deps.storedResponses, appender })
    }
    return pricedCall(call, holding, body, window, {
      config,
      appender,
      extend: (held, by) => gate.extend(held, { ...call, ...by }),
      takeDedicatedHold: (held) => gate.takeDedicatedHold(held, asked),
      storedResponses: deps.storedResponses,
      send: (plain) => send(call, holding.key, body, plain),
      settled: deps.settled,
      isCutOff: () => cutting,
      log,
    })
  }

  function callToHold(call: Call, body: CallBody, claim: Claim | undefined): CallToHold {
    return {
      ...call,
      claim,
      price: (rule) => {
        const quantity = holdQuantity(rule, body.facts)
        return { quantity, credits: credits(rule, quantity) }
      },
    }
  }

  function count({ route, startedAtMs }: Call, key: KeyRecord, failed: boolean): void {
    deps.freeCalls.count(key, route.id, performance.now() - startedAtMs, failed)
  }

  /** Whether the service may take longer than a silent connection lives, with a margin for the ledger. */
  function exceedsIdleTimeout({ timeoutMs }: Route): boolean {
    return timeoutMs / 1_000 + 30 > silence.seconds
  }

  async function send(
    call: Call,
    key: KeyRecord,
    body: CallBody,
    plain: boolean,
  ): Promise<Forwarded> {
    const { request, requestId, route } = call
    if (route.target.kind === 'fixed') {
      return { ok: true, response: Response.json(route.target.json) }
    }
    const address = deps.addresses[route.target.service]?.[key.mode]
    if (!address) return { ok: false, failure: 'upstream_unreachable' }
    const baseUrl = address.url
    const sentAtMs = performance.now()
    const sent = await forward({ request, requestId, route, baseUrl, body: body.forward, plain })
    call.upstreamMs += performance.now() - sentAtMs
    return sent
  }

  function refusalOf(error: unknown, { route, requestId }: Call): Refusal {
    if (error instanceof LedgerUnavailable) {
      // The same words for every call: there are as many as come in.
      log('calls are refused: the ledger cannot be reached', error)
      return ledgerUnavailable
    }
    log(`${route.id} ${requestId}: failed`, error)
    return { code: 'internal', detail: 'The gateway failed. You were not charged.' }
  }

  function observe(call: Call, { response, refusal }: Answered): void {
    const { route, requestId, startedAtMs, upstreamMs } = call
    const latencyMs = performance.now() - startedAtMs
    const { status } = response
    deps.observe?.({ route: route.id, status, refusal, requestId, latencyMs, upstreamMs })
  }

  return {
    handle,
    get inFlight() {
      return inFlightCalls.count
    },
    idle: inFlightCalls.idle,
    cutOff() {
      cutting = true
    },
  }
}
