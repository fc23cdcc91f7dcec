/**
 * A price for each started unit of bytes: of the request, whose length is known before the call, or of the response, whose
 * hold grows as they are sent (growing-hold.ts).
 */
import { type Static, Type } from '@sinclair/typebox'
import type { Fault } from '../../lib/fault.ts'
import { closed } from '../../lib/schema-fields.ts'
import { bodyFaults } from '../pointer-checks.ts'
import type { PriceableRoute, PriceKind } from '../price-kind.ts'
import { proportionalFields, rateText } from '../rate.ts'
import { stepOf, unitOf } from '../rule-fields.ts'
import { numberText } from '../text-parts.ts'

export const BytePrice = closed(
  {
    per: Type.Literal('byte'),
    of: Type.Optional(
      Type.Union([Type.Literal('request'), Type.Literal('response')], {
        default: 'response',
        description: "Whose bytes: the request's body, or the response's.",
      }),
    ),
    unit: unitOf('bytes'),
    ...proportionalFields,
    hold: Type.Optional(
      closed(
        { step: stepOf('bytes') },
        {
          description:
            'Held before the call: one step, and more as the response comes. A price of the request has none: all of it is held.',
        },
      ),
    ),
  },
  { description: 'A price for each started unit of bytes of the request or of the response.' },
)

type BytePrice = Static<typeof BytePrice>

/** One that is metered while the response is sent. */
export interface ResponseBytePrice extends BytePrice {
  readonly of?: 'response'
  readonly hold: NonNullable<BytePrice['hold']>
}

export function isOfResponse(rule: BytePrice): rule is ResponseBytePrice {
  return rule.of !== 'request'
}

export const perByte: PriceKind<BytePrice> = {
  inUnits: true,
  readsJson: () => false,

  findFaults: (rule, route) =>
    isOfResponse(rule) ? responseFaults(rule, route) : requestFaults(rule, route),

  countedIn: () => [],

  holdQuantity(rule, { bytes }) {
    if (isOfResponse(rule)) return rule.hold.step
    if (bytes === undefined) throw new TypeError('no body')
    return bytes
  },

  maxQuantity: (rule, _route, maxBytes) => (isOfResponse(rule) ? (rule.hold?.step ?? 0) : maxBytes),

  usedQuantity: (_rule, _call, held) => held,

  text: (rule, scale) =>
    isOfResponse(rule)
      ? `${rateText(rule, 'for each byte', 'bytes', ' of the response', scale)}. They are held ${numberText(rule.hold.step)} ahead and charged as they are sent.`
      : `${rateText(rule, 'for each byte', 'bytes', " of the request's body", scale)}.`,
  shortText: (rule, scale) =>
    rateText(rule, 'for each byte', 'bytes', isOfResponse(rule) ? '' : ' of the request', scale),
}

function responseFaults({ hold }: BytePrice, { chargeWhen }: PriceableRoute): Fault[] {
  const faults: Fault[] = []
  if (hold === undefined) {
    faults.push({ path: ['price', 'hold'], message: 'missing, expected a mapping' })
  }
  if (chargeWhen && 'pointer' in chargeWhen) {
    const message = 'has no effect on a price per byte, whose responses are not read'
    faults.push({ path: ['chargeWhen'], message })
  }
  return faults
}

function requestFaults({ hold }: BytePrice, route: PriceableRoute): Fault[] {
  const faults = bodyFaults(route, ['price', 'of'])
  if (hold !== undefined) {
    const message = 'has no effect on a price of the request, all of whose bytes are held'
    faults.push({ path: ['price', 'hold'], message })
  }
  if (route.request === undefined) {
    faults.push({ path: ['price', 'of'], message: 'the route takes no body: it has no request' })
  }
  return faults
}
