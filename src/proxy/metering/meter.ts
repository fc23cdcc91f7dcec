/** Counts a response along the way, part by part: the events of a stream, or pieces of bytes. */
import type { Parts } from '../../../events/counted.ts'
import type { RequestContent } from '../../pricing/price-kind.ts'
import type { MeteredComponent } from '../../pricing/price-rule.ts'
import type { Provider } from '../../providers/provider.ts'
import { TokenMeter } from './token-meter.ts'

export interface Meter {
  /** What is used once all parts so far have been sent. It never falls. */
  readonly used: number
  /** What the response used when it has ended by itself; undefined: it brought nothing to pay, and says of no use. */
  readonly usedInAll: number | undefined
  /** The same by the kind of token, where the response said that and the price goes by it. */
  readonly kindsInAll?: Parts | undefined
  /** By the kind of token what is used, where the response has said the request's kinds. */
  kindsAt?(used: number): Parts | undefined
  /** The upstream has said, within its response, that it failed. */
  readonly hasFailed: boolean
  /** Counts the next part. */
  count(part: Uint8Array): Counted
}

export interface Counted {
  /** The part brings something to pay. */
  readonly isSold: boolean
  /** The part can be the last one, and waits until another one comes or the charge is written. */
  readonly isWithheld: boolean
}

/** @param provider whose API the response is one of */
export function meterOf(
  price: MeteredComponent,
  request: RequestContent,
  provider?: Provider,
): Meter {
  switch (price.per) {
    case 'token':
      return new TokenMeter(price, request, provider)
    case 'byte':
      return byteMeter()
    default:
      return price satisfies never
  }
}

function byteMeter(): Meter {
  let used = 0
  return {
    get used() {
      return used
    },
    get usedInAll() {
      return used
    },
    hasFailed: false,
    count(piece) {
      used += piece.length
      return { isSold: true, isWithheld: true }
    },
  }
}
