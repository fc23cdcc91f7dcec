/** A fixed price for each call. */
import { type Static, Type } from '@sinclair/typebox'
import { closed } from '../../lib/schema-fields.ts'
import type { PriceKind } from '../price-kind.ts'
import { credits } from '../rule-fields.ts'
import { creditsText } from '../text-parts.ts'

export const RequestPrice = closed(
  { per: Type.Literal('request'), credits },
  { description: 'A fixed price for each call.' },
)

export const perRequest: PriceKind<Static<typeof RequestPrice>> = {
  findFaults: () => [],
  countedIn: () => [],
  holdQuantity: () => 1,
  maxQuantity: () => 1,
  usedQuantity: (_rule, _call, held) => held,
  text: (rule) => `${creditsText(rule.credits)} a call.`,
  shortText: (rule) => `${creditsText(rule.credits)} a call`,
}
