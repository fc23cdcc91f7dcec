/**
 * How a response is counted that is relayed as it comes: a price of tokens or bytes meters it, and its events can say other
 * quantities. Where they only say such, what was held for them covers the call, whoever it is that ends it early.
 */
import type { Counted, Parts } from '../../../events/counted.ts'
import { isSaidInEvents, numberSources, withTokens } from '../../pricing/counting.ts'
import { meteredComponent } from '../../pricing/price-rule.ts'
import { sumOf, tokenKinds } from '../../pricing/token-kinds.ts'
import { EventNumbers, eventMeter, readNumbers } from '../metering/event-numbers.ts'
import { isEventStream } from '../metering/event-stream.ts'
import { type Meter, meterOf } from '../metering/meter.ts'
import { partsOf, type Parts as ResponseParts } from '../metering/parts.ts'
import type { Growing } from './metered-stream.ts'
import { type PricedCall, usedBy } from './priced-call.ts'

interface AlongTheWay {
  readonly parts: ResponseParts
  /** The parts are whole events. */
  readonly isByEvent: boolean
  readonly meter: Meter
  readonly growing: Growing
  /** All that the call counts once so much was sent: of what is not said yet, what is held. */
  countedAt(used: number, kinds?: Parts): Counted
  /** The same when the response has ended by itself. */
  countedInAll(used: number, kinds?: Parts): Counted
  /** Whether a response that broke off can be charged by what was sent. */
  canChargeBroken(): boolean
}

/** Whether the response is relayed as it comes. What is counted in one that is no event stream is read from it instead. */
export function isCountedAlongTheWay(
  { call, reservation }: PricedCall,
  response: Response,
): boolean {
  const { price } = reservation.terms
  const metered = meteredComponent(price)
  if (metered) return metered.per === 'byte' || isEventStream(response)
  return isEventStream(response) && isSaidInEvents({ price, chargeWhen: call.route.chargeWhen })
}

/** undefined: the response cannot be counted. */
export function countAlongTheWay(priced: PricedCall, response: Response): AlongTheWay | undefined {
  const { body, call, reservation } = priced
  const metered = meteredComponent(reservation.terms.price)
  const isByEvent = metered?.per !== 'byte'
  if (isByEvent && !isPlainText(response)) return undefined
  const source = response.body ?? new Blob().stream()
  const parts = partsOf(source, isByEvent ? 'events' : metered.hold.step)
  const numbers = new EventNumbers(numberSources(reservation.terms.price))
  const rest = () => usedBy(priced, response, undefined, numbers)
  const ended = <T>(count: () => T): T => {
    numbers.hasEnded = true
    return count()
  }
  if (!metered) {
    return {
      ...{ parts, isByEvent, meter: eventMeter(numbers), growing: covered(reservation) },
      countedAt: rest,
      countedInAll: () => ended(rest),
      canChargeBroken: () => numbers.hasSaid,
    }
  }
  const meter = meterOf(metered, body.content, call.route.provider)
  const isSaid = numberSources(reservation.terms.price).length > 0
  // What stands in no event is counted once.
  const fixed = isSaid ? undefined : usedBy(priced, response, undefined)
  const countedAt = (used: number, kinds?: Parts) =>
    withTokens(
      reservation.terms.price,
      fixed ?? rest(),
      kinds ? sumOf(kinds, tokenKinds) : used,
      kinds,
    )
  return {
    ...{ isByEvent, meter, growing: reservation, countedAt },
    parts: isSaid ? readNumbers(parts, numbers) : parts,
    countedInAll: (used, kinds) => ended(() => countedAt(used, kinds)),
    canChargeBroken: () => true,
  }
}

/** Bytes are counted as they come, events only when they are not compressed. */
function isPlainText({ headers }: Response): boolean {
  return (headers.get('content-encoding') ?? 'identity') === 'identity'
}

/** What events say beyond what is held is a shortfall, as it is where a JSON response says it. */
function covered(reservation: Growing): Growing {
  return {
    onLost: (listener) => reservation.onLost(listener),
    ensure: async () => undefined,
    beforeSending: async () => undefined,
  }
}
