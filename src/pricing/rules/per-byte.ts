/** A price for each started unit of bytes of the response, whose hold grows as they are sent (growing-hold.ts). */
import { type Static, Type } from '@sinclair/typebox'
import { closed } from '../../lib/schema-fields.ts'
import type { PriceKind } from '../price-kind.ts'
import { credits, stepOf, unitOf } from '../rule-fields.ts'
import { numberText, startedUnitText } from '../text-parts.ts'

export const BytePrice = closed(
  {
    per: Type.Literal('byte'),
    unit: unitOf('bytes of the response'),
    credits,
    hold: closed(
      { step: stepOf('bytes') },
      { description: 'Held before the call: one step, and more as the response comes.' },
    ),
  },
  { description: 'A price for each started unit of bytes of the response.' },
)

export const perByte: PriceKind<Static<typeof BytePrice>> = {
  findFaults(_rule, { chargeWhen }) {
    if (chargeWhen === undefined) return []
    const message = 'has no effect on a price per byte, whose responses are not read'
    return [{ path: ['chargeWhen'], message }]
  },

  holdQuantity: ({ hold }) => hold.step,
  maxQuantity: ({ hold }) => hold.step,
  settleQuantity: (_rule, _call, held) => held,

  text: (rule) =>
    `${startedUnitText(rule, 'bytes')} of the response, which are held ${numberText(rule.hold.step)} ahead and charged as they are sent.`,
  shortText: (rule) => startedUnitText(rule, 'bytes'),
}
