/** A fixed price for each call. */
import { type Static, Type } from '@sinclair/typebox'
import { closed } from '../../lib/schema-fields.ts'
import type { PriceKind } from '../price-kind.ts'
import { rateFields, rateText } from '../rate.ts'

export const RequestPrice = closed(
  { per: Type.Literal('request'), ...rateFields },
  { description: 'A fixed price for each call.' },
)

export const perRequest: PriceKind<Static<typeof RequestPrice>> = {
  inUnits: false,
  readsJson: () => false,
  findFaults: () => [],
  countedIn: () => [],
  holdQuantity: () => 1,
  maxQuantity: () => 1,
  usedQuantity: (_rule, _call, held) => held,
  text: (rule, scale) => `${rateText(rule, 'a call', 'calls', '', scale)}.`,
  shortText: (rule, scale) => rateText(rule, 'a call', 'calls', '', scale),
}
