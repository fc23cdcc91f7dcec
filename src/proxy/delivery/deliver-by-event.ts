/**
 * A 2xx response that is metered along the way: event by event, or piece by piece where bytes are priced. Its head
 * carries the hold's position; what it costs is known at its end. Its charge says that it was delivered: nobody can ask it
 * back as undelivered, so its last part may leave late.
 */
import type { Counted, Parts } from '../../../events/counted.ts'
import { printPosition } from '../../../events/event.ts'
import { ChargeRejected } from '../../gate/reservation/reservation.ts'
import type { TerminatedBy } from '../../ledger/append/call-commands.ts'
import { LedgerUnavailable } from '../../ledger/unavailable.ts'
import { withTokens } from '../../pricing/counting.ts'
import type { MeteredComponent } from '../../pricing/price-rule.ts'
import { sumOf, tokenKinds } from '../../pricing/token-kinds.ts'
import { tokensIn } from '../../pricing/tokens-of-call.ts'
import { forClientsOf, problemDocument } from '../../problems/problem-document.ts'
import type { Refusal } from '../../problems/refusal.ts'
import type { Call } from '../call.ts'
import { isEventStream, printEvent } from '../metering/event-stream.ts'
import { meterOf } from '../metering/meter.ts'
import { partsOf } from '../metering/parts.ts'
import { watchEvents } from '../metering/watch-events.ts'
import { failureOf } from '../upstream/forward.ts'
import type { UpstreamClock } from '../upstream/upstream-clock.ts'
import { isBrokenByClient } from './broken-by-client.ts'
import { meteredStream } from './metered-stream.ts'
import { chargeCall, failForUpstream, headersOf, type PricedCall, usedBy } from './priced-call.ts'
import type { CallResponse } from './responses.ts'

/** Whether the response is relayed as it comes. Tokens in a response that is no event stream are read from it instead. */
export function isMeteredAlongTheWay(response: Response, price: MeteredComponent): boolean {
  return price.per === 'byte' || isEventStream(response)
}

export async function deliverByEvent(
  priced: PricedCall,
  response: Response,
  clock: UpstreamClock,
  price: MeteredComponent,
): Promise<CallResponse> {
  const { call, body, reservation, deps } = priced
  if (!canBeCounted(response, price)) {
    return failForUpstream(priced, 'upstream_failed', response.status)
  }
  const { status } = response
  const { requestId } = call
  // Whatever else the price counts does not stand in a response that is metered.
  const rest = usedBy(priced, response, undefined)
  const countedAt = (used: number, kinds?: Parts) =>
    withTokens(reservation.terms.price, rest, kinds ? sumOf(kinds, tokenKinds) : used, kinds)
  const isByEvent = price.per === 'token'
  const log = (message: string, error?: unknown) => deps.log(`${requestId}: ${message}`, error)
  const { promise: relayed, resolve: onOver } = Promise.withResolvers<void>()
  const source = response.body ?? new Blob().stream()
  const { chargeWhen } = call.route
  const allParts = partsOf(source, isByEvent ? 'events' : price.hold.step)
  const watched =
    chargeWhen && 'event' in chargeWhen ? watchEvents(allParts, chargeWhen.event) : undefined
  const parts = watched ?? allParts
  const bodyForClient = meteredStream(
    parts,
    meterOf(price, body.content, call.route.provider),
    reservation,
    clock,
    {
      countedAt,
      charge: (used, terminatedBy, onDelay) =>
        chargeDelivered(priced, { used, terminatedBy, status }, onDelay),
      void: (reason) => reservation.void(reason, status),
      finalEvent: (refusal, isCharged) =>
        isByEvent ? errorEvent(refusal, call, isCharged) : undefined,
      refusalOf(error) {
        log('the response broke off', error)
        return { code: failureOf(error), detail: 'The upstream broke off.' }
      },
      isDue: () => watched?.hasCome ?? true,
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

/** Bytes are counted as they come, events only when they are not compressed. */
function canBeCounted({ headers }: Response, price: MeteredComponent): boolean {
  return price.per === 'byte' || (headers.get('content-encoding') ?? 'identity') === 'identity'
}

interface Delivered {
  readonly used: Counted
  readonly terminatedBy: TerminatedBy | undefined
  readonly status: number
}

/**
 * Charges what was delivered, or what of it is covered. It is owed: while the hold lives, a ledger that cannot be
 * reached is asked again.
 * @param onDelay called when the client need not wait for the charge any more
 */
async function chargeDelivered(
  priced: PricedCall,
  { used, terminatedBy, status }: Delivered,
  onDelay: () => void,
): Promise<void> {
  const { call, reservation, deps } = priced
  call.tokens?.settle(tokensIn(reservation.terms.price, used))
  for (let isRepeated = false; ; isRepeated = true) {
    try {
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

/** A problem document, with `error` in it for programs that look for that. */
function errorEvent(
  refusal: Refusal,
  { requestId, route: { provider } }: Call,
  isCharged: boolean,
): Uint8Array {
  const { code, extensions } = refusal
  const detail = isCharged
    ? `${refusal.detail} The response ends here; what was sent is charged, see /v1/charges/${requestId}.`
    : `${refusal.detail} You were not charged.`
  const problem = problemDocument(code, { ...extensions, requestId, detail })
  if (provider) return printEvent('error', forClientsOf(provider, problem))
  const error = { type: problem.type, code, message: problem.detail }
  return printEvent('error', { ...problem, error })
}
