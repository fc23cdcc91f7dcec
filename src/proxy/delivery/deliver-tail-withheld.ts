/**
 * A long response. The request fixed its price, so the charge is known before its end: the head carries it, with the
 * position of the hold, and the tail waits until the call is charged.
 */
import { failureOf } from '../upstream/forward.ts'
import {
  chargeCall,
  convertToDedicatedHold,
  failForUpstream,
  headersOf,
  isPricedByResponse,
  type PricedCall,
  rejectAfterUpstream,
  usageOf,
} from './priced-call.ts'
import { type CallResponse, creditHeaders, setAll } from './responses.ts'
import { type LongStart, withholdTail } from './withhold-tail.ts'

export async function deliverTailWithheld(
  priced: PricedCall,
  response: Response,
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
  const usage = usageOf(priced, response, undefined)
  const { promise: relayed, resolve: onRelayed } = Promise.withResolvers<void>()
  const body = withholdTail(start, {
    async onEnd() {
      const charge = await chargeCall(priced, usage)
      onRelayed()
      return () => priced.deps.letLeave(charge)
    },
    async onFailure(error, unreadMs) {
      if (isClientsFault(priced, error, unreadMs)) await chargeForLeaving(priced, usage, status)
      else await releaseBrokenOff(priced, error, status)
      onRelayed()
    },
    async onCancel() {
      await chargeForLeaving(priced, usage, status)
      onRelayed()
    },
  })
  const headers = headersOf(priced, response)
  const available = terms.result.available + terms.credits - usage.credits
  setAll(headers, creditHeaders(usage.credits, terms.result, { ...terms.result, available }))
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

/** The upstream ran out of time, but mostly the client did not read: it has the response but for its end. */
function isClientsFault({ call }: PricedCall, error: unknown, unreadMs: number): boolean {
  return failureOf(error) === 'upstream_timeout' && unreadMs > call.route.timeoutMs / 2
}

async function releaseBrokenOff(
  { call, reservation, deps }: PricedCall,
  error: unknown,
  status: number,
): Promise<void> {
  deps.log(`${call.route.id} ${call.requestId}: the response broke off`, error)
  await reservation.void('upstream_broke_off', status)
}

/** A client who leaves early pays. A client who is cut off by the gateway has not left. */
async function chargeForLeaving(
  priced: PricedCall,
  usage: ReturnType<typeof usageOf>,
  status: number,
): Promise<void> {
  const { call, reservation, deps } = priced
  if (deps.isCutOff()) {
    await reservation.void('gateway_stopped', status)
    return
  }
  try {
    await chargeCall(priced, { ...usage, terminatedBy: 'client', alreadyDelivered: true })
  } catch (error) {
    deps.log(`${call.route.id} ${call.requestId}: left by its client, and not charged`, error)
  }
}
