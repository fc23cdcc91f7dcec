/**
 * A 2xx response that is counted along the way (count-along-the-way.ts): event by event, or piece by piece where bytes are priced. Its head
 * carries the hold's position; what it costs is known at its end. Its charge says that it was delivered: nobody can ask it
 * back as undelivered, so its last part may leave late.
 */
import type { Counted } from '../../../events/counted.ts'
import { printPosition } from '../../../events/event.ts'
import { ChargeRejected } from '../../gate/reservation/reservation.ts'
import type { TerminatedBy } from '../../ledger/append/call-commands.ts'
import { LedgerUnavailable } from '../../ledger/unavailable.ts'
import { meteredComponent } from '../../pricing/price-rule.ts'
import { tokensIn } from '../../pricing/tokens-of-call.ts'
import { forClientsOf, problemDocument } from '../../problems/problem-document.ts'
import type { Refusal } from '../../problems/refusal.ts'
import type { Call } from '../call.ts'
import { printEvent } from '../metering/event-stream.ts'
import { watchEvents } from '../metering/watch-events.ts'
import { failureOf } from '../upstream/forward.ts'
import type { UpstreamClock } from '../upstream/upstream-clock.ts'
import { isBrokenByClient } from './broken-by-client.ts'
import { countAlongTheWay, isCountedAlongTheWay } from './count-along-the-way.ts'
import { type Growing, meteredStream } from './metered-stream.ts'
import {
  chargeCall,
  convertToDedicatedHold,
  failForUpstream,
  headersOf,
  type PricedCall,
  rejectAfterUpstream,
} from './priced-call.ts'
import { type CallResponse, withLinks } from './responses.ts'

export async function deliverByEvent(
  priced: PricedCall,
  response: Response,
  clock: UpstreamClock,
): Promise<CallResponse> {
  if (!meteredComponent(priced.reservation.terms.price)) {
    // It lives for as long as the response takes, and its head names the hold.
    const notHeld = await convertToDedicatedHold(priced)
    if (notHeld) {
      response.body?.cancel().catch(() => {})
      return rejectAfterUpstream(priced, notHeld)
    }
    priced.reservation.keepAlive()
  }
  const { call, body, reservation, deps } = priced
  // Under another price than before it can count something else.
  const counting = isCountedAlongTheWay(priced, response)
    ? countAlongTheWay(priced, response)
    : undefined
  if (!counting) return failForUpstream(priced, 'upstream_failed', response.status)
  const { status } = response
  const { requestId } = call
  const { isByEvent } = counting
  const log = (message: string, error?: unknown) => deps.log(`${requestId}: ${message}`, error)
  const { promise: relayed, resolve: onOver } = Promise.withResolvers<void>()
  const { chargeWhen } = call.route
  const watched =
    chargeWhen && 'event' in chargeWhen ? watchEvents(counting.parts, chargeWhen.event) : undefined
  const bodyForClient = meteredStream(
    watched ?? counting.parts,
    counting.meter,
    counting.growing,
    clock,
    {
      countedAt: counting.countedAt,
      countedInAll: counting.countedInAll,
      charge: (used, terminatedBy, onDelay) =>
        chargeDelivered(priced, counting.growing, { used, terminatedBy, status }, onDelay),
      void: (reason) => reservation.void(reason, status),
      finalEvent: (refusal, isCharged) =>
        isByEvent ? errorEvent(refusal, call, isCharged) : undefined,
      refusalOf(error) {
        log('the response broke off', error)
        return { code: failureOf(error), detail: 'The upstream broke off.' }
      },
      isDue: (hasEnded) => (watched?.hasCome ?? true) && (hasEnded || counting.canChargeBroken()),
      isBrokenByClient: () => isBrokenByClient(body, clock),
      isCutOff: deps.isCutOff,
      maxDeliverySeconds: deps.maxDeliverySeconds,
      ...{ onOver, log },
    },
  )
  const headers = headersOf(priced, response)
  const { result } = reservation.terms
  headers.set('X-Credits-Remaining', String(result.available))
  headers.set('X-Ledger-Position', printPosition(result))
  return { response: new Response(bodyForClient, { status, headers }), relayed }
}

interface Delivered {
  readonly used: Counted
  readonly terminatedBy: TerminatedBy | undefined
  readonly status: number
}

/**
 * Charges what was delivered, or what of it is covered. It is owed: while the hold lives, a ledger that cannot be
 * reached is asked again, also whether the hold can grow to a usage that exceeds it.
 * @param growing what of the reservation grows with the response
 * @param onDelay called when the client need not wait for the charge any more
 */
async function chargeDelivered(
  priced: PricedCall,
  growing: Growing,
  { used, terminatedBy, status }: Delivered,
  onDelay: () => void,
): Promise<void> {
  const { call, reservation, deps } = priced
  call.tokens?.settle(tokensIn(reservation.terms.price, used))
  const canExceed = terminatedBy === undefined || terminatedBy === 'client'
  for (let isSent = false, isRepeated = false; ; isRepeated = isSent) {
    try {
      if (canExceed) await growTo(used, growing)
      isSent = true
      await chargeCall(priced, {
        ...reservation.cappedCharge(used),
        status,
        alreadyDelivered: true,
        ...(terminatedBy && { terminatedBy }),
      })
      return
    } catch (error) {
      // Asked before, the ledger may have written the charge after all.
      if (isRepeated && error instanceof ChargeRejected) return
      onDelay()
      const isOver = !reservation.isAlive || deps.isCutOff()
      if (!(error instanceof LedgerUnavailable) || isOver) throw error
      deps.log('a metered response is not charged yet; it is tried again', error)
    }
  }
}

/** @throws LedgerUnavailable when the ledger does not say whether it can. What it refuses is a shortfall of the charge. */
async function growTo(used: Counted, growing: Growing): Promise<void> {
  const refusal = await growing.ensure(used, 0)
  if (refusal?.code === 'ledger_unavailable') throw new LedgerUnavailable(refusal.detail)
}

/** A problem document, with `error` in it for programs that look for that. */
function errorEvent(
  refusal: Refusal,
  { requestId, route: { provider }, buyMore }: Call,
  isCharged: boolean,
): Uint8Array {
  const { code, extensions } = withLinks(refusal, buyMore)
  const detail = isCharged
    ? `${refusal.detail} The response ends here; what was sent is charged, see /v1/charges/${requestId}.`
    : `${refusal.detail} You were not charged.`
  const problem = problemDocument(code, { ...extensions, requestId, detail })
  if (provider) return printEvent('error', forClientsOf(provider, problem))
  const error = { type: problem.type, code, message: problem.detail }
  return printEvent('error', { ...problem, error })
}
