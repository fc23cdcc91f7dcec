/** A price for each started unit of characters of a text in the request. */

import { type Static, Type } from '@sinclair/typebox'
import { countCharacters } from '../../lib/count-characters.ts'
import { closed } from '../../lib/schema-fields.ts'
import { boundInRequest, requiredInRequest } from '../pointer-checks.ts'
import type { PriceKind } from '../price-kind.ts'
import { proportionalFields, rateText } from '../rate.ts'
import {
  maxUrlBytes,
  requestSource,
  sourceMarkdown,
  sourceText,
  valueInRequest,
} from '../request-source.ts'
import { unitOf } from '../rule-fields.ts'

export const CharacterPrice = closed(
  {
    per: Type.Literal('character'),
    unit: unitOf('characters (Unicode code points)'),
    ...proportionalFields,
    hold: closed({ text: requestSource('The text') }, { description: 'The text, in the request.' }),
  },
  { description: 'A price for each started unit of characters.' },
)

export const perCharacter: PriceKind<Static<typeof CharacterPrice>> = {
  inUnits: true,
  readsJson: () => false,

  findFaults: ({ hold }, route) =>
    requiredInRequest(route, ['price', 'hold', 'text'], hold.text, 'string'),

  countedIn: ({ hold }) => [hold.text],

  holdQuantity({ hold }, request) {
    const text = valueInRequest(hold.text, request)
    if (typeof text !== 'string') throw new TypeError(`no text at ${sourceText(hold.text)}`)
    return countCharacters(text)
  },

  // A character takes a byte at least.
  maxQuantity({ hold }, route, maxBytes) {
    const most = typeof hold.text === 'string' ? maxBytes : maxUrlBytes
    return Math.min(boundInRequest(route, hold.text, 'maxLength') ?? most, most)
  },

  usedQuantity: (_rule, _call, held) => held,

  text: (rule, scale) =>
    `${rateText(rule, 'for each character', 'characters (Unicode code points)', ` of ${sourceMarkdown(rule.hold.text)}`, scale)}.`,
  shortText: (rule, scale) => rateText(rule, 'for each character', 'characters', '', scale),
}
