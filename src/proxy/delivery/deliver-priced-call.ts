/**
 * Forwards a priced call and delivers its response. What is charged is delivered in one of three ways; what is not, by
 * deliver-unsold.ts. Every way ends the reservation: the call is
 * charged when the upstream did its work, and released when it did not. If the ledger does not say
 * whether a charge is written, a whole response is withheld and the client reads where to look; the tail of a long one never
 * leaves; of a metered one the client has what was sent.
 *
 * - A small response is buffered: charged, and then delivered with the charge in its head (deliver-buffered.ts).
 * - Of a large response whose price is fixed the tail is withheld until it is charged (deliver-tail-withheld.ts).
 * - A response that is counted along the way is delivered event by event, as the reservation grows (deliver-by-event.ts).
 */
import { isChargeableByHead } from '../../pricing/charge-condition.ts'
import { streamOf } from '../request/request-body.ts'
import { type Forwarded, failureOf } from '../upstream/forward.ts'
import { forwardCall } from '../upstream/forward-call.ts'
import { isCountedAlongTheWay } from './count-along-the-way.ts'
import { deliverBuffered } from './deliver-buffered.ts'
import { deliverByEvent } from './deliver-by-event.ts'
import { deliverTailWithheld, failAsTooLarge } from './deliver-tail-withheld.ts'
import { deliverUnsold } from './deliver-unsold.ts'
import { failForUpstream, isPricedByResponse, type PricedCall } from './priced-call.ts'
import type { CallResponse } from './responses.ts'
import { readBeginning, type Start } from './withhold-tail.ts'

/** A response that has to be read to be priced may be this large. */
const maxReadBytes = 16 * 1024 * 1024

export async function deliverPricedCall(priced: PricedCall): Promise<CallResponse> {
  const { call, body, deps } = priced
  try {
    keepAliveWhileReceiving(priced)
    const { key } = priced.reservation.terms
    const isRead = isPricedByResponse(priced)
    const forwarded = await forwardCall(deps.upstreams, call, body, key, isRead)
    const delivered = await deliver(priced, forwarded)
    const end = () => {
      priced.reservation.end()
      if (forwarded.ok) forwarded.clock.stop()
    }
    if (delivered.relayed) void delivered.relayed.then(end)
    else end()
    return delivered
  } catch (error) {
    // Whatever it was: the reservation must not stay open for it.
    void priced.reservation.void('gateway_failed')
    priced.reservation.end()
    throw error
  }
}

/** A body that is streamed arrives for as long as its client takes. */
function keepAliveWhileReceiving({ body, reservation }: PricedCall): void {
  const stream = streamOf(body)
  if (stream === undefined) return
  reservation.keepAlive()
  reservation.onLost((refusal) => stream.breakOff(refusal))
}

async function deliver(priced: PricedCall, forwarded: Forwarded): Promise<CallResponse> {
  if (!forwarded.ok) {
    const { failure, status, retryAfterSeconds } = forwarded
    return failForUpstream(priced, failure, status, retryAfterSeconds)
  }
  const { response, clock } = forwarded
  if (!isChargeableByHead(priced.call.route.chargeWhen, response)) {
    return deliverUnsold(priced, response, clock)
  }
  if (isCountedAlongTheWay(priced, response)) return deliverByEvent(priced, response, clock)
  const canBeRelayed = !isPricedByResponse(priced)
  const maxBytes = canBeRelayed ? priced.deps.maxBufferedBytes : maxReadBytes
  const sentAtMs = performance.now()
  let start: Start
  try {
    start = await readBeginning(response, maxBytes)
  } catch (error) {
    return failForUpstream(priced, failureOf(error), response.status)
  } finally {
    priced.call.upstreamMs += performance.now() - sentAtMs
  }
  if (start.kind === 'whole') return deliverBuffered(priced, response, start.bytes)
  return canBeRelayed
    ? deliverTailWithheld(priced, response, clock, start)
    : failAsTooLarge(priced, response, start)
}
