/** A call of price 0: it is forwarded, or its route's fixed response is given, and it is counted instead of charged. */
import type { ObservedRateLimit } from '../../gate/rate-limit/rate-limiter.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import type { Call } from '../call.ts'
import { type CallBody, streamOf } from '../request/request-body.ts'
import { type ForwardFailure, failureOf } from '../upstream/forward.ts'
import { forwardCall } from '../upstream/forward-call.ts'
import { headersForClient } from '../upstream/upstreams.ts'
import type { DeliveryDeps } from './priced-call.ts'
import { relayUnsold } from './relay-unsold.ts'
import {
  addCallHeaders,
  type CallResponse,
  refuse,
  upstreamRefusal,
  wholeResponse,
} from './responses.ts'
import { readBeginning, type Start } from './withhold-tail.ts'

interface FreeCall {
  readonly call: Call
  readonly body: CallBody
  readonly key: KeyRecord
  readonly rateLimit: ObservedRateLimit | undefined
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
  if (!forwarded.ok) return fail(free, forwarded.failure, forwarded.retryAfterSeconds)
  const { response, clock } = forwarded
  let start: Start
  try {
    start = await readBeginning(response, deps.maxBufferedBytes)
  } catch (error) {
    clock.stop()
    return fail(free, failureOf(error))
  }
  count(free, response.status >= 400)
  const theirs = headersForClient(deps.upstreams, call, key, response)
  const headers = addCallHeaders(theirs, call, rateLimit)
  if (start.kind === 'whole') {
    clock.stop()
    return wholeResponse(call, response, start.bytes, headers)
  }
  const relayed = relayUnsold(deps, call, response, clock, start, headers)
  void relayed.relayed?.then(() => clock.stop())
  return relayed
}

function fail(free: FreeCall, failure: ForwardFailure, retryAfterSeconds?: number): CallResponse {
  count(free, true)
  const refusal = streamOf(free.body)?.refusal ?? upstreamRefusal(failure, retryAfterSeconds)
  return refuse(free.call, refusal, free.rateLimit)
}

/** Counts the call once, when it is known whether it failed. */
function count({ call, key, deps }: FreeCall, hasFailed: boolean): void {
  deps.freeCalls.count(key, call.route.id, performance.now() - call.startedAtMs, hasFailed)
}
