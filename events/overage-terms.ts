/** By what overage is billed: a fee for each started `per` credits that are used of it in a month. */
import { type Static, Type } from '@sinclair/typebox'
import { maxAmount } from './bounds.ts'

export const overageTerms = {
  /** Net, in minor units of the currency. */
  fee: Type.Object({
    minorUnits: Type.Integer({ minimum: 0, maximum: maxAmount }),
    currency: Type.String(),
  }),
  per: Type.Integer({ minimum: 1, maximum: maxAmount }),
}

export const OverageTerms = Type.Object(overageTerms)
export type OverageTerms = Static<typeof OverageTerms>
