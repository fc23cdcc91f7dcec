/** A call of price 0: it is forwarded, or its route's fixed response is given, and it is counted instead of charged. */
import type { ObservedRateLimit } from '../../gate/rate-limit/rate-limiter.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import type { Call } from '../call.ts'
import { type CallBody, streamOf } from '../request/request-body.ts'
import { type ForwardFailure, failureOf } from '../upstream/forward.ts'
import { forwardCall } from '../upstream/forward-call.ts'
import type { UpstreamClock } from '../upstream/upstream-clock.ts'
import type { DeliveryDeps } from './priced-call.ts'
import {
  addCallHeaders,
  type CallResponse,
  headersForCall,
  refuse,
  upstreamRefusal,
  wholeResponse,
} from './responses.ts'
import { type LongStart, readBeginning, type Start, withholdTail } from './withhold-tail.ts'

interface FreeCall {
  readonly call: Call
  readonly body: CallBody
  readonly key: KeyRecord
  readonly rateLimit: ObservedRateLimit
  readonly deps: DeliveryDeps
}

export async function deliverFreeCall(free: FreeCall): Promise<CallResponse> {
  const { call, body, key, rateLimit, deps } = free
  const { target } = call.route
  if (target.kind === 'fixed') {
    count(free, false)
    const headers = addCallHeaders(new Headers(), call, rateLimit)
    return { response: Response.json(target.json, { headers }) }
  }
  const forwarded = await forwardCall(deps.upstreams, call, body, key, false)
  if (!forwarded.ok) return fail(free, forwarded.failure)
  const { response, clock } = forwarded
  let start: Start
  try {
    start = await readBeginning(response, deps.maxBufferedBytes)
  } catch (error) {
    clock.stop()
    return fail(free, failureOf(error))
  }
  count(free, !response.ok)
  const headers = headersForCall(call, rateLimit, response.headers)
  if (!response.ok) headers.set('X-Error-Source', 'upstream')
  if (start.kind === 'whole') {
    clock.stop()
    return wholeResponse(response, start.bytes, headers)
  }
  return relay(free, response, clock, start, headers)
}

function relay(
  { call, deps }: FreeCall,
  { status }: Response,
  clock: UpstreamClock,
  start: LongStart,
  headers: Headers,
): CallResponse {
  const { promise: relayed, resolve } = Promise.withResolvers<void>()
  void relayed.then(() => clock.stop())
  const body = withholdTail(start, clock, {
    onStart(endEarly) {
      clock.limitPauses(deps.maxDeliverySeconds * 1_000, () => void endEarly('client'))
    },
    async onEnd() {
      resolve()
      return () => true
    },
    async onFailure(error) {
      deps.log(`${call.route.id} ${call.requestId}: the response broke off`, error)
      resolve()
    },
    async onEndedEarly() {
      resolve()
    },
  })
  return { response: new Response(body, { status, headers }), relayed }
}

function fail(free: FreeCall, failure: ForwardFailure): CallResponse {
  count(free, true)
  const refusal = streamOf(free.body)?.refusal ?? upstreamRefusal(failure)
  return refuse(free.call, refusal, free.rateLimit)
}

/** Counts the call once, when it is known whether it failed. */
function count({ call, key, deps }: FreeCall, hasFailed: boolean): void {
  deps.freeCalls.count(key, call.route.id, performance.now() - call.startedAtMs, hasFailed)
}
