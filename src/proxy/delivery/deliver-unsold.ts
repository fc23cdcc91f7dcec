/** A response to a priced call whose head says already that it is not charged: a refusal, or one that `chargeWhen` leaves out. */
import { failureOf } from '../upstream/forward.ts'
import type { UpstreamClock } from '../upstream/upstream-clock.ts'
import { deliverUncharged } from './deliver-buffered.ts'
import { failForUpstream, headersOf, type PricedCall } from './priced-call.ts'
import { relayUnsold } from './relay-unsold.ts'
import { type CallResponse, creditHeaders, setAll } from './responses.ts'
import { readBeginning, type Start } from './withhold-tail.ts'

/** The reservation is released before the response is delivered, however long that takes. */
export async function deliverUnsold(
  priced: PricedCall,
  response: Response,
  clock: UpstreamClock,
): Promise<CallResponse> {
  const { call, reservation, deps } = priced
  const { status } = response
  const sentAtMs = performance.now()
  let start: Start
  try {
    start = await readBeginning(response, deps.maxBufferedBytes)
  } catch (error) {
    return failForUpstream(priced, failureOf(error), status)
  } finally {
    call.upstreamMs += performance.now() - sentAtMs
  }
  const reason = status >= 400 ? 'refused_by_upstream' : 'not_successful'
  if (start.kind === 'whole') return deliverUncharged(priced, response, start.bytes, reason)
  const ended = await reservation.void(reason, status)
  const headers = headersOf(priced, response)
  setAll(headers, creditHeaders(0, reservation.terms.result, ended))
  return relayUnsold(deps, call, response, clock, start, headers)
}
