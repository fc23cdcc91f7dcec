/** A price for each started unit of characters of a text in the request. */
import { type Static, Type } from '@sinclair/typebox'
import { valueAt } from '../../lib/json-pointer.ts'
import { closed, pointer } from '../../lib/schema-fields.ts'
import { maximumInRequest, requiredInRequest } from '../pointer-checks.ts'
import type { PriceKind } from '../price-kind.ts'
import { credits, unitOf } from '../rule-fields.ts'
import { fieldText, startedUnitText } from '../text-parts.ts'

export const CharacterPrice = closed(
  {
    per: Type.Literal('character'),
    unit: unitOf('characters (Unicode code points)'),
    credits,
    hold: closed({ text: pointer }, { description: "The text, in the request's JSON." }),
  },
  { description: 'A price for each started unit of characters.' },
)

export const perCharacter: PriceKind<Static<typeof CharacterPrice>> = {
  findFaults: ({ hold }, route) =>
    requiredInRequest(route, ['price', 'hold', 'text'], hold.text, 'string'),

  holdQuantity({ hold }, { json }) {
    const text = valueAt(json, hold.text)
    if (typeof text !== 'string') throw new TypeError(`no text at ${hold.text}`)
    return countCharacters(text)
  },

  // A character takes a byte at least.
  maxQuantity: ({ hold }, route, maxBytes) =>
    Math.min(maximumInRequest(route, hold.text, 'maxLength') ?? maxBytes, maxBytes),

  settleQuantity: (_rule, _call, held) => held,

  text: (rule) =>
    `${startedUnitText(rule, 'characters (Unicode code points)')} of ${fieldText(rule.hold.text)}.`,
  shortText: (rule) => startedUnitText(rule, 'characters'),
}

/** Unicode code points: an emoji counts once, a family of emoji as many as it is made of. */
function countCharacters(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}
