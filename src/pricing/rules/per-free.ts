/** No price: the call is counted, and nothing is held for it. */
import { type Static, Type } from '@sinclair/typebox'
import { closed } from '../../lib/schema-fields.ts'
import type { PriceKind } from '../price-kind.ts'

export const FreePrice = closed(
  { per: Type.Literal('free') },
  { description: 'Costs nothing: the call is counted, no credits are held.' },
)

export const perFree: PriceKind<Static<typeof FreePrice>> = {
  inUnits: false,
  readsJson: () => false,
  findFaults: () => [],
  countedIn: () => [],
  holdQuantity: () => 1,
  maxQuantity: () => 1,
  usedQuantity: (_rule, _call, held) => held,
  text: () => 'Free: the call is counted, no credits are held.',
  shortText: () => 'free',
}
