/**
 * A long response. The request fixed its price, so the charge is known before its end, unless the price has tiers: the head carries it, with
 * the position of the hold, and the tail waits until the call is charged. However slowly the client reads, the hold is kept
 * alive; a client that takes too long has the response but for its end, and is charged as one who left.
 */

import type { Usage } from '../../gate/reservation/reservation.ts'
import type { TerminatedBy } from '../../ledger/append/call-commands.ts'
import { hasTiers } from '../../pricing/tiered-part.ts'
import type { UpstreamClock } from '../upstream/upstream-clock.ts'
import { isBrokenByClient } from './broken-by-client.ts'
import {
  chargeCall,
  convertToDedicatedHold,
  failForUpstream,
  headersOf,
  isPricedByResponse,
  type PricedCall,
  rejectAfterUpstream,
  usedBy,
} from './priced-call.ts'
import { type CallResponse, creditHeaders, setAll } from './responses.ts'
import { type LongStart, withholdTail } from './withhold-tail.ts'

export async function deliverTailWithheld(
  priced: PricedCall,
  response: Response,
  clock: UpstreamClock,
  start: LongStart,
): Promise<CallResponse> {
  // The head names the hold that decides the charge, so a call on a lease needs a hold of its own before it.
  const notHeld = await convertToDedicatedHold(priced)
  if (notHeld) {
    start.rest.cancel().catch(() => {})
    return rejectAfterUpstream(priced, notHeld)
  }
  // Under another price the response may have to be read.
  if (isPricedByResponse(priced)) return failAsTooLarge(priced, response, start)
  const { status } = response
  const { terms } = priced.reservation
  const charge = priced.reservation.cappedCharge(usedBy(priced, response, undefined))
  const usage: Usage = { ...charge, status }
  const { promise: relayed, resolve: onRelayed } = Promise.withResolvers<void>()
  const body = withholdTail(start, clock, {
    onStart(endEarly) {
      const { reservation, deps } = priced
      reservation.keepAlive()
      reservation.onLost(() => void endEarly('hold'))
      clock.limitPauses(deps.maxDeliverySeconds * 1_000, () => void endEarly('client'))
    },
    async onEnd() {
      const charge = await chargeCall(priced, usage)
      onRelayed()
      return () => priced.deps.letLeave(charge)
    },
    async onFailure(error, wasUnderWay) {
      const isLeft = wasUnderWay && isBrokenByClient(priced.body, clock)
      await endBrokenOff(priced, usage, isLeft, error)
      onRelayed()
    },
    async onEndedEarly(by) {
      await chargeEndedEarly(priced, usage, by)
      onRelayed()
    },
  })
  const headers = headersOf(priced, response)
  // What tiers charge is known when the ledger has charged it.
  const charged = hasTiers(terms.price) ? undefined : usage.credits
  const available = terms.result.available + terms.credits - (charged ?? terms.credits)
  setAll(headers, creditHeaders(charged, terms.result, { ...terms.result, available }))
  return { response: new Response(body, { status, headers }), relayed }
}

/** The response has to be read whole to be priced, and is too large for that. */
export function failAsTooLarge(
  priced: PricedCall,
  response: Response,
  start: LongStart,
): Promise<CallResponse> {
  priced.deps.log(`${priced.call.route.id}: the response is too large to be read`)
  start.rest.cancel().catch(() => {})
  return failForUpstream(priced, 'upstream_failed', response.status)
}

/** It costs nothing, unless the client kept the upstream waiting: then he counts as one who left. */
async function endBrokenOff(
  priced: PricedCall,
  usage: Usage,
  isLeft: boolean,
  error: unknown,
): Promise<void> {
  const { call, reservation, deps } = priced
  deps.log(`${call.route.id} ${call.requestId}: the response broke off`, error)
  if (isLeft) return chargeEndedEarly(priced, usage, 'client')
  await reservation.void('upstream_broke_off', usage.status)
}

/** A client who leaves early pays. A client who is cut off by the gateway has not left. */
async function chargeEndedEarly(
  priced: PricedCall,
  usage: Usage,
  terminatedBy: TerminatedBy,
): Promise<void> {
  const { call, reservation, deps } = priced
  if (deps.isCutOff()) {
    await reservation.void('gateway_stopped', usage.status)
    return
  }
  try {
    await chargeCall(priced, { ...usage, terminatedBy, alreadyDelivered: true })
  } catch (error) {
    deps.log(`${call.route.id} ${call.requestId}: ended early, and not charged`, error)
  }
}
